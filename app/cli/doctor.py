"""`gridtwin doctor`: what is wrong with this deployment, and what to do about it."""

from __future__ import annotations

import asyncio
import os

import click
import msgspec

from app.doctor.examine import examine
from app.doctor.machine import GB
from app.doctor.report import Checked, Report


@click.command()
@click.option("--watch", "watch_s", type=click.FloatRange(0.1), default=10.0, show_default=True,
              help="Seconds between two looks at what moves; longer than VPP_CHECKPOINT_CADENCE_S.")  # fmt: skip
@click.option("--least-free-gb", type=click.FloatRange(0), default=1.0, show_default=True,
              help="Space that VPP_DATA_DIR has to have at least.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The report for programs.")
def doctor(watch_s: float, least_free_gb: float, as_json: bool) -> None:
    """Look at settings, disk, broker, topics, clock and workers; write nothing. Exit code 1 if something is wrong."""
    course = examine(os.environ, watch_s=watch_s, least_free_bytes=round(least_free_gb * GB))
    report = asyncio.run(course)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _tell(report)
    raise SystemExit(0 if report.healthy else 1)


def _tell(report: Report) -> None:
    for one in report.checks:
        click.echo(f"{one.status:8} {one.check:11} {_summary(one)}")
        for finding in one.findings:
            click.echo(f"         {finding.subject}: {finding.seen}\n           -> {finding.remedy}")


def _summary(one: Checked) -> str:
    number = len(one.findings)
    return one.detail if not number else "1 finding" if number == 1 else f"{number} findings"
