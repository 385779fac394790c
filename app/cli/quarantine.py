"""`gridtwin quarantine`: sites that are set aside because folding a reading of theirs raised."""

from __future__ import annotations

import asyncio
import time

import click

from app.cli.environment import load_settings
from app.cli.query_terminal import instant
from app.cli.tail import printable
from app.errors import GridtwinError
from app.kafka.clients import partition_of
from app.quarantine import Quarantined, quarantined_sites
from app.release import release_site
from app.settings import Settings

POLL_S = 0.5


@click.group()
def quarantine() -> None:
    """List sites in quarantine, or let one back."""


@quarantine.command(name="list")
def list_() -> None:
    """Print each site in quarantine, since when, at which offset of telemetry, and what was raised."""
    found = asyncio.run(quarantined_sites(load_settings().broker))
    for one in found.values():
        click.echo(_line(one))
    click.echo(f"{len(found)} sites in quarantine")


def _line(one: Quarantined) -> str:
    if one.since_ms is None:
        return f"{printable(one.site)}  partition {one.partition}, since before transitions are kept"
    return (
        f"{printable(one.site)}  since {instant(one.since_ms)} UTC, at partition {one.partition} offset {one.offset}: "
        f"{printable(one.cause or '')}"
    )


@quarantine.command()
@click.argument("site")
@click.option("--wait", "wait_s", type=click.FloatRange(0), default=60.0, show_default=True,
              help="Seconds to wait for the worker's word; 0 only writes.")  # fmt: skip
def release(site: str, wait_s: float) -> None:
    """Let a site back: write its topology record again, which tells its worker to fold it from then on.

    What was rejected meanwhile is not counted by this: `gridtwin rejected replay --reason internal_error --site SITE`.
    """
    asyncio.run(_release(load_settings(), site, wait_s))


async def _release(settings: Settings, site: str, wait_s: float) -> None:
    if site not in await quarantined_sites(settings.broker):
        raise GridtwinError(f"{site!r} is not in quarantine; `gridtwin quarantine list` shows which sites are")
    written = await release_site(settings, site)
    click.echo(f"{printable(site)}: its topology record is written again, at offset {written} of its partition")
    end_s = time.monotonic() + wait_s
    home = [partition_of(site.encode(), settings.partitions)]
    while wait_s and site in await quarantined_sites(settings.broker, home):
        if time.monotonic() > end_s:
            raise GridtwinError(
                f"the worker of {site!r} has not said within {wait_s:g} s that it folds it again; it does so with the "
                "next record of its partition: look whether a twin worker runs"
            )
        await asyncio.sleep(POLL_S)
    if wait_s:
        click.echo(f"{printable(site)} is folded again; `gridtwin rejected replay --reason internal_error --site "
                   f"{printable(site)}` brings what was rejected meanwhile")  # fmt: skip
