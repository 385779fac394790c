"""`gridtwin rejected`: what was rejected and why, and once that is mended, the same bytes again."""

from __future__ import annotations

import asyncio
import re
import sys

import click

from app.cli.environment import load_settings, parse_time
from app.cli.query_terminal import instant
from app.cli.tail import printable
from app.domain.contracts import Reason
from app.errors import GridtwinError
from app.rejected.ledger import LEASE_MS
from app.rejected.listing import Listed, find_rejection, list_rejections
from app.rejected.rejections import Wanted
from app.rejected.replay import BEFORE, CLAIMED, REFUSED, SENT, UNKNOWN, Replay, Tally

SHOWN_CHARS = 60
SHOWN_BYTES = 4_000

_reasons = click.option("--reason", "reasons", type=click.Choice([one.value for one in Reason]), multiple=True,
                        help="Of this reason only; may be repeated.")  # fmt: skip
_site = click.option("--site", help="Of this site only.")
_since = click.option("--since", help="Rejected at or after this time: ISO 8601, milliseconds, or now.")
_until = click.option("--until", help="Rejected before this time.")


@click.group()
def rejected() -> None:
    """List, show or replay rejected telemetry."""


def _wanted(reasons: tuple[str, ...], site: str | None, since: str | None, until: str | None) -> Wanted:
    return Wanted(frozenset(reasons), None if site is None else site.encode(), parse_time(since), parse_time(until))


@rejected.command(name="list")
@_reasons
@_site
@_since
@_until
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="So many of the latest.")
def list_(reasons: tuple[str, ...], site: str | None, since: str | None, until: str | None, limit: int) -> None:
    """Print the latest rejections, and counts of all by reason and what became of them."""
    settings, wanted = load_settings(), _wanted(reasons, site, since, until)
    listing = asyncio.run(list_rejections(settings, wanted, limit=limit))
    for listed in listing.latest:
        click.echo(_line(listed))
    for (reason, state), number in sorted(listing.counts.items()):
        click.echo(f"{number:8} {reason}, {state}")
    click.echo(f"{listing.counts.total():8} in all, the latest {len(listing.latest)} shown")


def _line(listed: Listed) -> str:
    one = listed.one
    detail = one.detail if len(one.detail) <= SHOWN_CHARS else one.detail[: SHOWN_CHARS - 1] + "…"
    name = printable(one.site.decode(errors="replace"))
    return (
        f"{instant(one.rejected_at_ms):20} {one.place:>12}  {one.reason:17} {listed.state:14} {name:20} "
        f"{printable(detail)}"
    )


@rejected.command()
@click.argument("place")
@click.option("--raw", is_flag=True, help="Write the original bytes and nothing else.")
def show(place: str, raw: bool) -> None:
    """Print everything that is known of one rejection; PLACE is partition/offset, as the list has it."""
    found = re.fullmatch(r"(\d+)/(\d+)", place)
    if found is None:
        raise click.BadParameter(f"{place!r} is not a place; give partition/offset")
    listed = asyncio.run(find_rejection(load_settings(), int(found[1]), int(found[2])))
    value = listed.one.value or b""
    if raw:
        sys.stdout.buffer.write(value)
        return
    one = listed.one
    click.echo(f"{one.reason}: {printable(one.detail)}")
    click.echo(f"  site      {printable(one.site.decode(errors='replace'))}")
    click.echo(f"  original  {printable(one.key.decode(errors='replace'))}, {len(value)} bytes")
    click.echo(f"  readings  {','.join(map(str, one.items)) or 'all'}")
    click.echo(f"  rejected  {instant(one.rejected_at_ms)} UTC")
    click.echo(f"  state     {_state(listed)}")
    click.echo(printable(value[:SHOWN_BYTES].decode(errors="replace")) + ("…" if len(value) > SHOWN_BYTES else ""))


def _state(listed: Listed) -> str:
    sent, holder = listed.standing.sent, listed.standing.holder
    if sent is not None:
        return f"{listed.state}, as {sent.partition}/{sent.offset}, by run {sent.run}"
    return f"{listed.state} by run {holder.mark.run}" if holder is not None else listed.state


@rejected.command()
@_reasons
@_site
@_since
@_until
@click.option("--dry-run", is_flag=True, help="Say what would be sent and send nothing.")
def replay(reasons: tuple[str, ...], site: str | None, since: str | None, until: str | None, dry_run: bool) -> None:
    """Send again what would be accepted now: the original bytes, each once, however often and by whoever this is run.

    What would be refused again is left alone, and counted by the reason that it has now.
    """
    settings = load_settings()
    tally = asyncio.run(Replay(settings, _wanted(reasons, site, since, until), is_rehearsal=dry_run)())
    _tell(tally, dry_run=dry_run)
    if tally.of(UNKNOWN):
        raise GridtwinError(
            f"of {sum(tally.of(UNKNOWN).values())} it is not known whether a run that ended early sent them: telemetry "
            "of then is gone. They are left alone"
        )


def _tell(tally: Tally, *, dry_run: bool) -> None:
    words = (
        (SENT, "would be sent" if dry_run else "sent"),
        (BEFORE, "sent before"),
        (REFUSED, "would be refused again"),
        (CLAIMED, f"claimed by another run, left alone for {LEASE_MS // 1000} s"),
        (UNKNOWN, "not known whether sent"),
    )
    for outcome, word in words:
        found = tally.of(outcome)
        if found or outcome == SENT:
            by_reason = ", ".join(f"{reason} {number}" for reason, number in found.items())
            click.echo(f"{sum(found.values()):8} {word}{f'  ({by_reason})' if found else ''}")
    click.echo(f"{tally.total:8} in all")
