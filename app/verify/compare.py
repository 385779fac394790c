"""Every truth row against what was published."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app import topics
from app.dataset.format import Dataset, TruthRow
from app.domain.contracts import WindowKind
from app.settings import Settings
from app.verify.conservation import Ledger, read_ledgers
from app.verify.published import Key, Reader, Row

FINAL = ("final", "corrected")
FIELDS = TruthRow._fields[3:]
RETRY_S = 1.0

Truth = dict[Key, dict[str, tuple[int, ...]]]
Progress = Callable[[int, int], None]
"""Told rows equal and rows in all."""


@dataclass
class Report:
    """What was compared and how it came out."""

    rows: int
    equal: int = 0
    soc_rows: int = 0
    soc_equal: int = 0
    readings: int = 0
    differences: list[str] = field(default_factory=list)
    different_keys: list[Key] = field(default_factory=list)
    ledgers: dict[int, Ledger] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    records_read: int = 0

    @property
    def passed(self) -> bool:
        """Whether every row is equal, everything is final and every reading is accounted for."""
        return (
            not self.differences
            and self.equal == self.rows
            and self.soc_equal == self.soc_rows
            and all(ledger.is_balanced for ledger in self.ledgers.values())
        )

    @property
    def applied(self) -> int:
        return sum(ledger.applied for ledger in self.ledgers.values())


async def verify(
    dataset: Dataset, settings: Settings, *, timeout_s: float, progress: Progress = lambda *_: None
) -> Report:
    """Compare until everything is equal, or nothing new was published for *timeout_s*."""
    truth = _load(dataset)
    sites = {member.id for member in dataset.topology() if member.type == "site"}
    levels = [topics.level_topic(level) for level in dataset.meta.levels]
    reader = Reader(settings.broker, [*levels, topics.AGGREGATE_SITE])
    until_s = time.monotonic() + timeout_s
    while True:
        came = await reader.read()
        report = compare(truth, dataset, reader.rows, sites)
        report.records_read = reader.records
        progress(report.equal, report.rows)
        if not report.differences:
            report.ledgers, report.reasons = await read_ledgers(settings.broker, settings.partitions)
            report.differences += _ledger_faults(report, dataset)
        if not report.differences or time.monotonic() > until_s:
            return report
        if came:
            until_s = time.monotonic() + timeout_s
        await asyncio.sleep(RETRY_S)


def _load(dataset: Dataset) -> Truth:
    truth: Truth = {}
    for row in dataset.truth():
        truth.setdefault((row.node, row.window_start_ms), {})[row.kind] = tuple(row[3:])
    return truth


def compare(truth: Truth, dataset: Dataset, rows: dict[Key, Row], sites: set[str]) -> Report:
    """Compare published rows with the truth; the first differences of each sort are worth reading."""
    report = Report(rows=sum(map(len, truth.values())), readings=dataset.meta.readings)
    for key, kinds in truth.items():
        row = rows.get(key)
        faults = list(_faults(key, kinds, row, is_site=key[0] in sites))
        report.equal += len(kinds) - min(len(kinds), len(faults))
        report.differences += faults
        if faults:
            report.different_keys.append(key)
    for key, row in rows.items():
        if key not in truth and row.kinds["all"].readings:
            report.differences.append(
                f"{_shown(key)}: published with {row.kinds['all'].readings} readings, expected none"
            )
            report.different_keys.append(key)
    _compare_soc(report, dataset, rows)
    return report


def _faults(key: Key, kinds: dict[str, tuple[int, ...]], row: Row | None, *, is_site: bool) -> Iterator[str]:
    if row is None:
        for kind in kinds:
            yield f"{_shown(key)} {kind}: not published"
        return
    for kind, expected in kinds.items():
        seen = _numbers(row.kinds.get(kind))
        if seen != expected:
            yield f"{_shown(key)} {kind}: {_difference(seen, expected)}"
        elif kind == "all" and row.status not in FINAL:
            yield f"{_shown(key)}: still {row.status}, expected final"
    for kind in row.kinds.keys() - kinds.keys():
        if row.kinds[kind].readings:
            yield f"{_shown(key)} {kind}: {row.kinds[kind].readings} readings, expected no such kind"


def _numbers(kind: WindowKind | None) -> tuple[int, ...]:
    return () if kind is None else tuple(int(getattr(kind, name)) for name in FIELDS)


def _difference(seen: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if not seen:
        return "no such kind was published"
    wrong = [f"{name} {a}, expected {b}" for name, a, b in zip(FIELDS, seen, expected, strict=True) if a != b]
    return "; ".join(wrong)


def _compare_soc(report: Report, dataset: Dataset, rows: dict[Key, Row]) -> None:
    for truth in dataset.soc_truth():
        report.soc_rows += 1
        row = rows.get((truth.site, truth.window_start_ms))
        seen = row.state_of_charge_wh.get(truth.device) if row is not None else None
        if seen == truth.state_of_charge_wh:
            report.soc_equal += 1
        else:
            report.differences.append(
                f"{_shown((truth.site, truth.window_start_ms))} {truth.device}: state of charge {seen} Wh, "
                f"expected {truth.state_of_charge_wh}"
            )


def _ledger_faults(report: Report, dataset: Dataset) -> Iterator[str]:
    for partition, ledger in report.ledgers.items():
        if not ledger.is_balanced:
            yield (
                f"partition {partition}: {ledger.readings} readings, but {ledger.applied} applied + {ledger.duplicate} "
                f"duplicate + {ledger.conflicting} conflicting + {ledger.rejected} rejected"
            )
    if report.applied != dataset.meta.readings:
        yield f"{report.applied} readings applied, the dataset has {dataset.meta.readings}"


def _shown(key: Key) -> str:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(key[1] / 1000))
    return f"{key[0]} {when}"
