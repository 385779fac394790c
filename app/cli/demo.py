"""`gridtwin demo`: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.environment import DIRECTORY
from app.dataset.format import META, Dataset

HOME = Path(".gridtwin")


@click.command()
@click.option("--dataset", type=DIRECTORY, envvar="DATASET", help="Another dataset; SimBench's day unless given.")
@click.option("--keep", is_flag=True, envvar="KEEP", help="Leave it running, play on, and say how to look.")
@click.option("--over", "over_s", default=40.0, show_default=True, help="Seconds over which the day is replayed.")
def demo(dataset: Path | None, keep: bool, over_s: float) -> None:
    """Compute a day exactly while its workers are killed: six kills, three of them with the disk lost."""
    from app.demo.run import Demo

    if dataset is None:
        dataset = HOME / "simbench"
        if not (dataset / META).exists():
            _make(dataset)
    passed = Demo(Dataset(dataset), HOME.resolve() / "demo", over_s, keep).run()
    raise SystemExit(0 if passed else 1)


def _make(directory: Path) -> None:
    from app.cli.dataset import simbench

    click.echo("making the dataset: SimBench, 2016-06-01 (fetches 91 MB the first time) ...")
    simbench.main([str(directory)], standalone_mode=False)
