"""`gridtwin replay`: publish a dataset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli.environment import DIRECTORY, SHARE, parse_time, settings_for
from app.dataset.format import Dataset
from app.replay.disturb import Shares
from app.replay.publish import Progress as Show
from app.replay.publish import Replay
from app.replay.repeat import RepeatedDataset


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Simulated seconds per second; 0 as fast as possible.",
)
@click.option(
    "--over", "over_s", type=click.FloatRange(0, min_open=True), help="Take so many seconds for the whole instead."
)
@click.option("--start-at", help="Skip what arrived before this time.")
@click.option("--until", help="Stop at this time, or `now`.")
@click.option("--duplicate", type=SHARE, default=0.0, help="Share of records that come twice.")
@click.option("--shuffle", type=SHARE, default=0.0, help="Share of records that come out of order.")
@click.option("--late", type=SHARE, default=0.0, help="Share of records that come up to 4 h late.")
@click.option("--poison", type=SHARE, default=0.0, help="Bad records of every kind, per good one.")
@click.option("--seed", default=1, show_default=True, help="Of the disturbances.")
@click.option(
    "--loop", is_flag=True, help="Again and again, each pass some whole days later; needs --speed or --until."
)
@click.option("--restart", is_flag=True, help="From the beginning, not from where an interrupted replay stopped.")
def replay(directory: Path, speed: float, over_s: float | None, start_at: str | None, until: str | None,
           duplicate: float, shuffle: float, late: float, poison: float, seed: int, loop: bool,
           restart: bool) -> None:  # fmt: skip
    """Publish topology, then telemetry at simulated arrival times with ticks to every partition.

    Disturbances never change the truth. An interrupted replay goes on behind its last acknowledged tick.
    """
    dataset = RepeatedDataset(directory) if loop else Dataset(directory)
    if loop and (over_s or not (speed or until)):
        raise click.UsageError("--loop has no end: say --speed or --until, not --over")
    one = Replay(dataset, settings_for(dataset), shares=Shares(duplicate, shuffle, late, poison), seed=seed)
    until_ms, start_ms = parse_time(until), parse_time(start_at)
    end_ms = None if loop and until_ms is None else min(until_ms or one.last_tick_ms, one.last_tick_ms)
    with _bar(dataset.meta.start_ms, end_ms) as show:
        asyncio.run(one.run(speed=speed, over_s=over_s, start_at_ms=start_ms, until_ms=until_ms, resume=not restart,
                            progress=show))  # fmt: skip
    click.echo(f"{one.published} records and {one.ticks} ticks published")


@contextmanager
def _bar(start_ms: int, end_ms: int | None) -> Iterator[Show]:
    """Show how far simulated time is, the records published, their rate, and the time left, once there are some."""
    columns = (
        TextColumn("replay {task.fields[at]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]} records, {task.fields[rate]}/s"),
        TimeRemainingColumn(),
    )
    began_s = time.monotonic()
    bar = Progress(*columns)
    task = bar.add_task("replay", total=None if end_ms is None else end_ms - start_ms, at="", records=0, rate=0)

    def show(records: int, at_ms: int, _: int) -> None:
        bar.start()
        at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_ms / 1000))
        rate = round(records / max(time.monotonic() - began_s, 1e-3))
        bar.update(task, completed=at_ms - start_ms, at=at, records=records, rate=rate)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
