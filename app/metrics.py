"""What workers count for Prometheus. Labels are few and bounded: never a site, a node or anything that was sent."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

OTHER = "other"
MAX_LEVELS = 64
"""Levels come from the topology; those beyond share one label."""


class Outcomes(Protocol):
    """What a partition's machine counted of its readings."""

    folded: int
    duplicate: int
    conflicting: int
    rejected: dict[str, int]


class TwinCounts:
    """What the twin role counts; machines come and go with their partitions, these stay."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._readings = Counter("gridtwin_readings", "Readings by what became of them, and why", ["outcome", "reason"],
                                 registry=registry)  # fmt: skip
        self._transitions = Counter("gridtwin_transitions", "Transitions by state machine and state after",
                                    ["machine", "after"], registry=registry)  # fmt: skip
        for outcome in ("applied", "duplicate", "conflicting"):
            self._readings.labels(outcome, "")

    def readings(self, before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> None:
        """Count what a machine counted more than before."""
        for labels, count in after.items():
            if count > before.get(labels, 0):
                self._readings.labels(*labels).inc(count - before.get(labels, 0))

    def transitions(self, steps: Iterable[tuple[str, str]]) -> None:
        """Count transitions by machine and state after."""
        for labels, count in Tally(steps).items():
            self._transitions.labels(*labels).inc(count)


def outcomes_of(state: Outcomes) -> dict[tuple[str, str], int]:
    """Return a machine's counts by outcome and reason."""
    rejected = {("rejected", str(reason)): count for reason, count in state.rejected.items()}
    applied = state.folded - state.duplicate - state.conflicting
    return {
        ("applied", ""): applied,
        ("duplicate", ""): state.duplicate,
        ("conflicting", ""): state.conflicting,
        **rejected,
    }


class Coverage(NamedTuple):
    """A window of a node: where it starts, and of how many device seconds something is known."""

    level: str
    start_ms: int
    covered_s: int
    expected_s: int


class RollupCounts:
    """What the rollup role shows of the newest final window of every level."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._newest = Gauge("gridtwin_newest_final_window_seconds", "Start of the newest final window", ["level"],
                             registry=registry)  # fmt: skip
        self._coverage = Gauge("gridtwin_coverage_ratio", "Device seconds of that window that are known, of those "
                               "expected", ["level"], registry=registry)  # fmt: skip
        self._held: dict[str, Coverage] = {}

    def final(self, window: Coverage) -> None:
        """Take in a final window of a node: nodes of one window add up, a newer window replaces."""
        level = window.level if window.level in self._held or len(self._held) < MAX_LEVELS else OTHER
        held = self._held.get(level)
        if held is not None and window.start_ms < held.start_ms:
            return
        if held is not None and window.start_ms == held.start_ms:
            window = window._replace(
                covered_s=held.covered_s + window.covered_s, expected_s=held.expected_s + window.expected_s
            )
        self._held[level] = window
        self._newest.labels(level).set(window.start_ms / 1000)
        self._coverage.labels(level).set(window.covered_s / window.expected_s if window.expected_s else 1.0)


def show_number(registry: CollectorRegistry, name: str, meaning: str, of: Callable[[], Sized]) -> None:
    """Show how many there are of something, at each scrape."""
    Gauge(name, meaning, registry=registry).set_function(lambda: len(of()))
