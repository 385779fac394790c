"""The verdict of a demo."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.table import Table

from app.dataset.format import Dataset
from app.settings import Settings
from app.verify.compare import Report
from app.verify.through_api import Answers

LARGEST = 5
JOULES_PER_MWH = 3_600_000_000
SHOWN_DIFFERENCES = 10


def show_report(
    console: Console, dataset: Dataset, settings: Settings, report: Report, recoveries: list[tuple[str, str, float]]
) -> None:
    """Print rows equal, what became of readings, recoveries, and the largest nodes' energy."""
    del settings
    for line in report.differences[:SHOWN_DIFFERENCES]:
        console.print(f"  {line}", highlight=False)
    ledgers = report.ledgers.values()
    console.print(
        f"readings: {report.applied} applied, {sum(one.duplicate for one in ledgers)} duplicate, "
        f"{sum(one.conflicting for one in ledgers)} conflicting, {sum(one.rejected for one in ledgers)} rejected"
    )
    if recoveries:
        console.print(
            "recovery: " + ", ".join(f"{role} {seconds:.1f} s ({disk})" for role, disk, seconds in recoveries)
        )
    console.print(_largest(dataset))
    if report.soc_rows:
        console.print(f"{report.soc_equal} of {report.soc_rows} states of charge equal")
    verdict = "[green]" if report.passed else "[red]"
    console.print(f"{verdict}{report.equal} of {report.rows} rows equal, after {len(recoveries)} kills[/]")


def show_answers(console: Console, answers: Answers, address: str) -> None:
    """Print how many rows of a sample the query role answered right."""
    for line in answers.differences[:SHOWN_DIFFERENCES]:
        console.print(f"  {line}", highlight=False)
    verdict = "[green]" if answers.equal == answers.rows else "[red]"
    console.print(f"{verdict}{answers.equal} of {answers.rows} rows equal through {address}[/]")


def _largest(dataset: Dataset) -> Table:
    """The truth, which is what was published if all rows are equal; the published rows are not kept."""
    energy: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in dataset.truth():
        energy[row.node][row.kind] += row.energy_import_j - row.energy_export_j
    largest = sorted(energy, key=lambda node: -abs(energy[node]["all"]))[:LARGEST]
    kinds = sorted({kind for node in largest for kind in energy[node]})
    table = Table("node", *kinds, title="energy of the five largest nodes, MWh, consumption positive")
    for node in largest:
        table.add_row(node, *(f"{energy[node][kind] / JOULES_PER_MWH:,.3f}" for kind in kinds))
    return table
