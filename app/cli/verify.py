"""`gridtwin verify`: compare what was published with a dataset's truth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from app.cli.environment import DIRECTORY, load_settings
from app.dataset.format import Dataset
from app.settings import Settings
from app.verify.compare import Report
from app.verify.compare import verify as compare
from app.verify.explain import readings_behind


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds without news before it gives up."
)
@click.option("--show", default=10, show_default=True, help="Differences to print.")
def verify(directory: Path, timeout_s: float, show: int) -> None:
    """Read the level topics like any consumer and compare every truth row; exit code 1 on any difference."""
    settings, dataset = load_settings(), Dataset(directory)
    report = asyncio.run(compare(dataset, settings, timeout_s=timeout_s))
    tell(report)
    if not report.passed:
        _tell_differences(report, dataset, settings, show)
        raise SystemExit(1)


def tell(report: Report) -> None:
    """Print what was compared."""
    click.echo(f"{report.equal} of {report.rows} rows equal, every one final; {report.records_read} records read")
    if report.soc_rows:
        click.echo(f"{report.soc_equal} of {report.soc_rows} states of charge equal")
    totals = [sum(column) for column in zip(*report.ledgers.values(), strict=True)]
    if totals:
        names = ["records", "ticks", "readings", "applied", "duplicate", "conflicting", "rejected"]
        click.echo("conservation: " + ", ".join(f"{n} {name}" for n, name in zip(totals, names, strict=True)))
    if report.reasons:
        click.echo("rejected: " + ", ".join(f"{name} {n}" for name, n in sorted(report.reasons.items())))


def _tell_differences(report: Report, dataset: Dataset, settings: Settings, show: int) -> None:
    click.echo(f"{len(report.differences)} differences, the first of them:")
    for line in report.differences[:show]:
        click.echo(f"  {line}")
    for key in report.different_keys[:3]:
        click.echo(f"readings behind {key[0]}, window {key[1]}:")
        for line in asyncio.run(readings_behind(dataset, settings, key)):
            click.echo(f"  {line}")
