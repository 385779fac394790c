"""`gridtwin replay`: publish a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli.environment import DIRECTORY, load_settings, parse_time
from app.dataset.format import Dataset
from app.replay.disturb import Shares
from app.replay.publish import Replay

_share = click.FloatRange(0, 1)


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--speed", default=0.0, show_default=True, help="Simulated seconds per second; 0 as fast as possible.")
@click.option("--over", "over_s", type=float, help="Take so many seconds for the whole instead.")
@click.option("--start-at", help="Skip what arrived before this time.")
@click.option("--until", help="Stop at this time, or `now`.")
@click.option("--duplicate", type=_share, default=0.0, help="Share of records that come twice.")
@click.option("--shuffle", type=_share, default=0.0, help="Share of records that come out of order.")
@click.option("--late", type=_share, default=0.0, help="Share of records that come up to 4 h late.")
@click.option("--poison", type=_share, default=0.0, help="Bad records of every kind, per good one.")
@click.option("--seed", default=1, show_default=True, help="Of the disturbances.")
@click.option("--restart", is_flag=True, help="From the beginning, not from where an interrupted replay stopped.")
def replay(directory: Path, speed: float, over_s: float | None, start_at: str | None, until: str | None,
           duplicate: float, shuffle: float, late: float, poison: float, seed: int, restart: bool) -> None:  # fmt: skip
    """Publish topology, then telemetry at simulated arrival times with ticks to every partition.

    Disturbances never change the truth. An interrupted replay goes on behind its last acknowledged tick.
    """
    dataset = Dataset(directory)
    one = Replay(dataset, load_settings(), shares=Shares(duplicate, shuffle, late, poison), seed=seed)
    with _bar(dataset) as (bar, task):
        asyncio.run(
            one.run(
                speed=speed, over_s=over_s, start_at_ms=parse_time(start_at), until_ms=parse_time(until),
                resume=not restart, progress=lambda records, *_: bar.update(task, completed=records),
            )
        )  # fmt: skip
    click.echo(f"{one.published} records and {one.ticks} ticks published")


@contextmanager
def _bar(dataset: Dataset) -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar with rate and time left."""
    columns = (
        TextColumn("replay"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        yield bar, bar.add_task("replay", total=dataset.meta.readings)
