"""What `show`, `tree` and `watch` share: where to ask, and numbers as people read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from app.cli.environment import load_settings
from app.cli.tail import printable
from app.query.members import Member, MemberLive

JOULES_PER_KWH = 3_600_000
WIDE = 200
URL = click.option("--url", help="Where the query role answers; VPP_QUERY_HOST and VPP_QUERY_PORT unless given.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="The answer as it came, for programs.")


def address(url: str | None) -> str:
    """Return where to ask."""
    settings = load_settings()
    host = settings.query_host if settings.query_host != "0.0.0.0" else "127.0.0.1"
    return (url or f"http://{host}:{settings.query_port}").rstrip("/")


def power(watts: int | None) -> str:
    """Return a power with its direction in words."""
    if watts is None:
        return "unknown"
    word = "consuming" if watts > 0 else "producing" if watts < 0 else "balanced"
    size = abs(watts)
    shown = f"{size / 1e6:,.3f} MW" if size >= 1_000_000 else f"{size / 1000:,.3f} kW"
    return f"{word} {shown}"


def share(ratio: float | None) -> str:
    """Return a share in percent."""
    return "unknown" if ratio is None else f"{ratio:.0%}"


def age(age_s: float | None, stale_reason: str | None = None) -> str:
    """Return how old something is, and why that is more than it should be."""
    written = "never written" if age_s is None else f"written {age_s:,.0f} s ago"
    return written if stale_reason is None else f"{written}, stale: {stale_reason}"


def instant(at_ms: int | None) -> str:
    """Return a time."""
    return "-" if at_ms is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_ms / 1000))


def line_of(member: Member) -> str:
    """Return a node or a site as one line."""
    live = member.live
    what = f"{printable(member.id)}  [{member.level}]"
    return f"{what}  {live_line(live)}" if live is not None else f"{what}  nothing heard yet"


def live_line(live: MemberLive) -> str:
    """Return what a node or a site does now."""
    ratio = live.coverage.ratio if live.coverage is not None else None
    connectivity = f", {live.connectivity}" if live.connectivity else ""
    if live.state == "stale":
        return f"silent{connectivity}, {power(live.stale_power_w)} before"
    stale = f", silent ones {power(live.stale_power_w)} before" if live.stale_power_w else ""
    old = ", stale" if live.is_stale else ""
    return f"{power(live.active_power_w)}{stale}, {live.state}{connectivity}, coverage {share(ratio)}{old}"


def wide_console() -> Console:
    """Return where to print; what is no terminal cuts no line."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def until_stopped(run: Callable[[], Any]) -> None:
    """Run until Ctrl-C, which is no fault."""
    try:
        run()
    except KeyboardInterrupt:
        return
