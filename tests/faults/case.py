"""Evidence, what the raw log says of it, and what a consumer would take from it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tests.faults.evidence import Evidence, Published
from tests.faults.truth import LogTruth, Totals

FIELDS = (
    "readings", "sum_w", "mean_power_w", "energy_import_j", "energy_export_j", "devices_expected",
    "devices_reporting", "covered_device_s", "expected_device_s",
)  # fmt: skip
ADDED = FIELDS[:5]
"""What a site that said nothing in a window does not leave out of a sum."""
FINAL = ("final", "corrected")
LIVE = b"|live"


class Case:
    """Evidence, and what follows from it that more than one checker asks for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.compared = 0

    @cached_property
    def truths(self) -> dict[int, LogTruth]:
        return {partition: _truth(self.evidence, partition) for partition in self.evidence.log}

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.truths.values(), self.evidence.topology, self.evidence.rules)

    @cached_property
    def closed_ms(self) -> int:
        """Windows that begin before it are closed in every partition, if they end by then."""
        return min((truth.closed or 0) for truth in self.truths.values())

    @cached_property
    def corrected(self) -> set[int] | None:
        """Windows that something may have changed after they were final; any, where somebody moved."""
        members = [*self.evidence.topology["nodes"].values(), *self.evidence.topology["sites"].values()]
        if any(edge["from"] or edge["to"] for member in members for edge in member["parents"]):
            return None
        return set().union(*(truth.corrected for truth in self.truths.values()))

    @cached_property
    def nodes(self) -> dict[tuple[str, int], dict[str, Any]]:
        return newest(self.evidence.levels)

    @cached_property
    def sites(self) -> dict[tuple[str, int], dict[str, Any]]:
        return newest(self.evidence.sites)


def _truth(evidence: Evidence, partition: int) -> LogTruth:
    predicted = {offset: reason for (at, offset), reason in evidence.predicted.items() if at == partition}
    truth = LogTruth(evidence.rules, evidence.topology, evidence.sites_of(partition), predicted)
    truth.fold(evidence.log[partition])
    return truth


def newest(records: list[Published]) -> dict[tuple[str, int], dict[str, Any]]:
    """Read windows as a consumer should: of each key the newest revision, whatever came last."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for record in records:
        if record.key.endswith(LIVE) or "window_start_ms" not in record.value:
            continue
        key = record.value["node"], record.value["window_start_ms"]
        if key not in found or record.value["revision"] >= found[key]["revision"]:
            found[key] = record.value
    return found


def numbers(row: dict[str, Any], fields: tuple[str, ...] = FIELDS) -> dict[str, list[int]]:
    """Return the kinds of a row that are not all zero."""
    kinds = {kind: [one[name] for name in fields] for kind, one in row["kinds"].items()}
    return {kind: values for kind, values in kinds.items() if any(values)}


def newest_twins(records: list[Published]) -> dict[bytes, dict[str, Any]]:
    found: dict[bytes, dict[str, Any]] = {}
    for record in records:
        if record.key not in found or record.value["revision"] >= found[record.key]["revision"]:
            found[record.key] = record.value
    return found
