"""Every truth row against what was published."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app import topics
from app.dataset.format import Dataset
from app.dataset.truth import SocTruthRow, TruthRow
from app.domain.contracts import WindowKind
from app.kafka.admin import require_topics
from app.settings import Settings
from app.verify.conservation import Ledger, ledger_faults, read_ledgers
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

    def differ(self, key: Key, faults: list[str]) -> None:
        """Note what is wrong with a row."""
        if faults:
            self.differences += [f"{_shown(key)}{fault}" for fault in faults]
            self.different_keys.append(key)


async def verify(
    dataset: Dataset, settings: Settings, *, timeout_s: float, within: bool = False,
    progress: Progress = lambda *_: None,
) -> Report:  # fmt: skip
    """Compare until everything is equal, or no row changed for *timeout_s*.

    *within* leaves aside windows beyond the dataset's time, and conservation: other telemetry flows, too.
    """
    await require_topics(settings.broker, {topics.TELEMETRY: settings.partitions})
    truth, soc_truth = load_truth(dataset), list(dataset.soc_truth())
    levels = [topics.level_topic(level) for level in dataset.meta.levels]
    reader = Reader(settings.broker, [*levels, topics.AGGREGATE_SITE])
    until_s, rows = time.monotonic() + timeout_s, dict[Key, Row]()
    while True:
        await reader.read()
        held, rows = rows, {key: row for key, row in reader.rows.items() if not within or is_in_span(key, dataset)}
        if rows != held:
            until_s = time.monotonic() + timeout_s
        report = compare(truth, soc_truth, dataset, rows)
        report.records_read = reader.records
        progress(report.equal, report.rows)
        if not within and (not report.differences or time.monotonic() > until_s):
            report.ledgers, report.reasons = await read_ledgers(settings.broker, settings.partitions)
            report.differences += ledger_faults(report.ledgers, dataset.meta.readings)
        if not report.differences or time.monotonic() > until_s:
            return report
        await asyncio.sleep(RETRY_S)


def load_truth(dataset: Dataset) -> Truth:
    """Return the numbers of every kind by node and window."""
    truth: Truth = {}
    for row in dataset.truth():
        truth.setdefault((row.node, row.window_start_ms), {})[row.kind] = tuple(row[3:])
    return truth


def compare(truth: Truth, soc_truth: Iterable[SocTruthRow], dataset: Dataset, rows: dict[Key, Row]) -> Report:
    """Compare published rows with the truth, and find those that nothing in it asks for."""
    report = Report(rows=sum(map(len, truth.values())), readings=dataset.meta.readings)
    for key, kinds in truth.items():
        _compare_key(report, key, kinds, rows.get(key))
    for key, row in rows.items():
        if key not in truth:
            report.differ(key, list(_unasked(row, row.kinds, is_asked=is_in_span(key, dataset))))
    for one in soc_truth:
        _compare_soc(report, one, rows.get((one.site, one.window_start_ms)))
    return report


def _compare_key(report: Report, key: Key, kinds: dict[str, tuple[int, ...]], row: Row | None) -> None:
    if row is None:
        report.differ(key, [f" {kind}: not published" for kind in kinds])
        return
    numbers = {kind: _numbers(row.kinds.get(kind)) for kind in kinds}
    faults = [f" {kind}: {_difference(numbers[kind], kinds[kind])}" for kind in kinds if numbers[kind] != kinds[kind]]
    if row.status in FINAL:
        report.equal += len(kinds) - len(faults)
    else:
        faults.append(f": still {row.status}, expected final")
    report.differ(key, [*faults, *_unasked(row, row.kinds.keys() - kinds.keys(), is_asked=True)])


def _unasked(row: Row, kinds: Iterable[str], *, is_asked: bool) -> Iterator[str]:
    """Yield what kinds hold that should hold nothing; windows beyond the dataset may expect, but never hear."""
    for kind in sorted(kinds):
        if row.kinds[kind].readings or (is_asked and any(_numbers(row.kinds[kind]))):
            yield f" {kind}: {_difference(_numbers(row.kinds[kind]), (0,) * len(FIELDS))}"


def is_in_span(key: Key, dataset: Dataset) -> bool:
    """Whether a window overlaps the dataset's time."""
    return dataset.meta.start_ms < key[1] + dataset.meta.window_s * 1000 and key[1] < dataset.meta.end_ms


def _numbers(kind: WindowKind | None) -> tuple[int, ...]:
    return () if kind is None else tuple(int(getattr(kind, name)) for name in FIELDS)


def _difference(seen: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if not seen:
        return "no such kind was published"
    wrong = [f"{name} {a}, expected {b}" for name, a, b in zip(FIELDS, seen, expected, strict=True) if a != b]
    return "; ".join(wrong)


def _compare_soc(report: Report, truth: SocTruthRow, row: Row | None) -> None:
    report.soc_rows += 1
    seen = row.state_of_charge_wh.get(truth.device) if row is not None else None
    if seen == truth.state_of_charge_wh:
        report.soc_equal += 1
    else:
        fault = f" {truth.device}: state of charge {seen} Wh, expected {truth.state_of_charge_wh}"
        report.differ((truth.site, truth.window_start_ms), [fault])


def _shown(key: Key) -> str:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(key[1] / 1000))
    return f"{key[0]} {when}"
