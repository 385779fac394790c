"""`gridtwin dataset`: make datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.environment import DIRECTORY
from app.dataset.format import Dataset, Meta


@click.group()
def dataset() -> None:
    """Make a dataset directory: topology, telemetry and the truth of what it adds up to."""


@dataset.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--scenario", default=1, show_default=True, help="1 future, 2 far future.")
@click.option("--mv", "mv_grid", default="MV1.101", show_default=True, help="The MV grid above.")
@click.option("--lv-limit", default=8, show_default=True, help="How many of its LV grids.")
@click.option("--start", default="2016-06-01", show_default=True, help="First local day; 2016.")
@click.option("--days", default=1, show_default=True)
@click.option("--window-s", default=900, show_default=True)
@click.option("--stagger", is_flag=True, help="Shift series by weeks, so that fewer sites are alike.")
@click.option("--seed", default=1, show_default=True, help="Of the arrival times.")
def simbench(directory: Path, scenario: int, mv_grid: str, lv_limit: int, start: str, days: int, window_s: int,
             stagger: bool, seed: int) -> None:  # fmt: skip
    """Convert some days of SimBench, a real-shaped grid; fetches it (91 MB) the first time."""
    from app.dataset.simbench import convert

    _tell(directory, convert(directory, scenario=scenario, mv_grid=mv_grid, lv_limit=lv_limit, start=start, days=days,
                             window_s=window_s, stagger=stagger, seed=seed))  # fmt: skip


@dataset.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--sites", default=1000, show_default=True)
@click.option("--depth", default=4, show_default=True, help="Levels above a site.")
@click.option("--fanout", default=25, show_default=True, help="Children of a node.")
@click.option("--devices-per-site", default=1, show_default=True)
@click.option("--interval-s", default="15", show_default=True, help="Reporting intervals, separated by commas.")
@click.option("--window-s", default=60, show_default=True)
@click.option("--duration-s", default=900, show_default=True)
@click.option("--start-ms", default=1_764_000_000_000, show_default=True)
@click.option("--groups", default=0, show_default=True, help="Overlapping groups; a site is in about half of them.")
@click.option("--gap-share", default=0.0, show_default=True, help="Share of readings that are missing.")
@click.option("--join-share", default=0.0, show_default=True, help="Share of sites that join in mid-day.")
@click.option("--leave-share", default=0.0, show_default=True, help="Share of sites that leave in mid-day.")
@click.option("--unicode", "is_unicode", is_flag=True, help="Ids in any language and punctuation.")
@click.option("--local-day", help="A local day instead, of 23 to 25 hours: 2016-03-27.")
@click.option("--timezone", default="Europe/Berlin", show_default=True)
@click.option("--seed", default=1, show_default=True)
def synthetic(directory: Path, **shape: Any) -> None:
    """Make any number of sites with values that vary, and their truth."""
    from app.dataset.synthetic import Shape, generate

    _tell(directory, generate(directory, Shape.of(**shape)))


@dataset.command()
@click.argument("directory", type=DIRECTORY)
def describe(directory: Path) -> None:
    """Print what a dataset is."""
    click.echo(msgspec.json.format(msgspec.json.encode(Dataset(directory).meta)).decode())


def _tell(directory: Path, meta: Meta) -> None:
    click.echo(
        f"{directory}: {meta.sites} sites, {meta.devices} devices, {meta.readings} readings, "
        f"{meta.truth_rows} truth rows, windows of {meta.window_s} s"
    )
