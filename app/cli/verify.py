"""`gridtwin verify`: compare what was published with a dataset's truth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from app.cli.environment import DIRECTORY, settings_for
from app.dataset.format import Dataset
from app.settings import Settings
from app.verify.compare import Report
from app.verify.compare import verify as compare
from app.verify.explain import SHOWN_READINGS, readings_behind

SHOWN_KEYS = 3


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds without news before it gives up."
)
@click.option("--within", is_flag=True, help="Only windows of the dataset's own time; other telemetry flows, too.")
@click.option("--show", default=10, show_default=True, help="Differences to print.")
def verify(directory: Path, timeout_s: float, within: bool, show: int) -> None:
    """Read the level topics like any consumer and compare every truth row; exit code 1 on any difference."""
    dataset = Dataset(directory)
    settings = settings_for(dataset)
    report = asyncio.run(compare(dataset, settings, timeout_s=timeout_s, within=within))
    tell(report)
    if within:
        click.echo("conservation: not compared, other telemetry flows")
    if not report.passed:
        _tell_differences(report, dataset, settings, show)
        raise SystemExit(1)


def tell(report: Report) -> None:
    """Print what was compared."""
    click.echo(f"{report.equal} of {report.rows} rows equal and final; {report.records_read} records read")
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
    keys = list(dict.fromkeys(report.different_keys))[:SHOWN_KEYS]
    for (node, start_ms), lines in asyncio.run(readings_behind(dataset, settings, keys)).items():
        click.echo(f"readings behind {node}, window {start_ms}:")
        for line in lines[:SHOWN_READINGS]:
            click.echo(f"  {line}")
        if len(lines) > SHOWN_READINGS:
            click.echo(f"  ... and {len(lines) - SHOWN_READINGS} more")
