"""`gridtwin dataset`: make datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from app.cli.environment import DIRECTORY, SHARE, environment_of
from app.dataset.format import Dataset, Meta

COUNT = click.IntRange(1)
DAY = click.DateTime(["%Y-%m-%d"])
WINDOW = click.IntRange(60, 3600)
LONGEST_INTERVAL_S = 86_400


class Intervals(click.ParamType):
    """Reporting intervals in seconds, separated by commas."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return them, or say what is allowed."""
        words = str(value).split(",")
        if all(word.isdecimal() and 1 <= int(word) <= LONGEST_INTERVAL_S for word in words):
            return tuple(map(int, words))
        return self.fail(f"{value!r} are not seconds from 1 to {LONGEST_INTERVAL_S}, separated by commas", param, ctx)


class Timezone(click.ParamType):
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Return it, or say what is allowed."""
        try:
            return ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError):
            return self.fail(f"{value!r} is not a time zone; give one like Europe/Berlin", param, ctx)


@click.group()
def dataset() -> None:
    """Make a dataset directory: topology, telemetry and the truth of what it adds up to."""


@dataset.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--scenario", type=click.IntRange(1, 2), default=1, show_default=True, help="1 future, 2 far future.")
@click.option("--mv", "mv_grid", default="MV1.101", show_default=True, help="The MV grid above.")
@click.option("--lv-limit", type=COUNT, default=8, show_default=True, help="How many of its LV grids.")
@click.option("--start", type=DAY, default="2016-06-01", show_default=True, help="First local day; 2016.")
@click.option("--days", type=COUNT, default=1, show_default=True)
@click.option("--window-s", type=WINDOW, default=900, show_default=True)
@click.option("--stagger", is_flag=True, help="Shift series by weeks, so that fewer sites are alike.")
@click.option("--seed", default=1, show_default=True, help="Of the arrival times.")
def simbench(directory: Path, **choice: Any) -> None:
    """Convert some days of SimBench, a real-shaped grid; fetches it (91 MB) the first time."""
    from app.dataset.simbench import convert

    _tell(directory, convert(directory, **choice))


@dataset.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--sites", type=COUNT, default=1000, show_default=True)
@click.option("--depth", type=COUNT, default=4, show_default=True, help="Levels above a site.")
@click.option("--fanout", type=COUNT, default=25, show_default=True, help="Children of a node.")
@click.option("--devices-per-site", type=COUNT, default=1, show_default=True)
@click.option(
    "--interval-s", type=Intervals(), default="15", show_default=True, help="Reporting intervals, separated by commas."
)
@click.option("--window-s", type=WINDOW, default=60, show_default=True)
@click.option("--duration-s", type=COUNT, default=900, show_default=True)
@click.option("--start-ms", type=click.IntRange(0), default=1_764_000_000_000, show_default=True)
@click.option(
    "--groups",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Overlapping groups; a site is in about half of them.",
)
@click.option("--gap-share", type=SHARE, default=0.0, show_default=True, help="Share of readings that are missing.")
@click.option("--join-share", type=SHARE, default=0.0, show_default=True, help="Share of sites that join in mid-day.")
@click.option("--leave-share", type=SHARE, default=0.0, show_default=True, help="Share of sites that leave in mid-day.")
@click.option("--unicode", "is_unicode", is_flag=True, help="Ids in any language and punctuation.")
@click.option("--local-day", type=DAY, help="A local day instead, of 23 to 25 hours: 2016-03-27.")
@click.option("--timezone", type=Timezone(), default="Europe/Berlin", show_default=True)
@click.option("--seed", default=1, show_default=True)
def synthetic(directory: Path, **shape: Any) -> None:
    """Make any number of sites with values that vary, and their truth."""
    from app.dataset.synthetic import generate
    from app.dataset.synthetic_world import Shape

    _tell(directory, generate(directory, Shape.of(**shape)))


@dataset.command()
@click.argument("directory", type=DIRECTORY)
def settings(directory: Path) -> None:
    """Print the settings that a dataset needs, for a shell: eval "$(gridtwin dataset settings DIR)"."""
    for name, value in environment_of(Dataset(directory).meta).items():
        click.echo(f"export {name}={value}")


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
