"""One run: load, faults, heal, quiet, check."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.faults.case import Case
from tests.faults.checkers import check, stale_writes
from tests.faults.evidence import Evidence
from tests.faults.journal import Journal
from tests.faults.layout import Layout
from tests.faults.trial import Trial


def run(directory: Path, layout: Layout, seed: int, nemesis: Callable[[Trial], None]) -> dict[str, Any]:
    """Run one trial and return what is reported of it."""
    began_s = time.monotonic()
    trial = Trial(directory, layout, seed)
    try:
        trial.begin()
        nemesis(trial)
        healed_s = trial.heal()
        return _result(trial, trial.evidence(), healed_s, began_s)
    except AssertionError as error:
        return _failure(trial, error, began_s)
    finally:
        trial.clean_up()


def _result(trial: Trial, evidence: Evidence, healed_s: float, began_s: float) -> dict[str, Any]:
    case = Case(evidence)
    found = check(case)
    for name, sentences in found.items():
        trial.journal.note("checked", checker=name, wrong=len(sentences), first=sentences[:5])
    source = sum(map(len, evidence.log.values()))
    return {
        "faults": trial.faults,
        "records": source,
        "readings": sum(truth.counts["applied"] for truth in case.truths.values()),
        "refused": sum(sum(truth.rejected.values()) for truth in case.truths.values()),
        "rows": case.compared,
        "wrong": sum(map(len, found.values())),
        "checks": {name: len(sentences) for name, sentences in found.items()},
        "recovered_s": trial.recovered_s,
        "stopped_s": [round(seconds, 2) for seconds in trial.stopped_s],
        "healed_s": round(healed_s, 1),
        "staleness_s": _staleness_s(evidence),
        "read_again": trial.read_again,
        "stale_writes": stale_writes(evidence),
        "exits": _exits(trial.journal),
        "peak_memory_mb": _peak_memory_mb(evidence),
        "duration_s": round(time.monotonic() - began_s),
        **({"load_ended_early": True} if trial.load.is_exhausted else {}),
        **trial.extra,
    }  # fmt: skip


def _failure(trial: Trial, error: AssertionError, began_s: float) -> dict[str, Any]:
    """Return what is reported of a run that did not come to its end: what it waited for did not come."""
    trial.journal.note("failed", why=str(error)[:500], words=trial.plant.last_words(600))
    return {
        "faults": trial.faults,
        "records": trial.load.records,
        "rows": 0,
        "wrong": 1,
        "checks": {"C7": 1},
        "recovered_s": trial.recovered_s,
        "failed": str(error)[:200],
        "exits": _exits(trial.journal),
        "duration_s": round(time.monotonic() - began_s),
    }


def _exits(journal: Journal) -> dict[str, int]:
    """Return how often workers ended by themselves, by exit code."""
    codes = [str(entry["code"]) for entry in journal.of("ended")]
    return {code: codes.count(code) for code in sorted(set(codes))}


def _peak_memory_mb(evidence: Evidence) -> dict[str, int]:
    """Return the most that a worker was seen to hold, by worker."""
    peaks: dict[str, int] = {}
    for sample in evidence.samples:
        peaks[sample["worker"]] = max(peaks.get(sample["worker"], 0), round(sample["memory_bytes"] / 1e6))
    return peaks


def _staleness_s(evidence: Evidence) -> float:
    """Return the longest time in which no level published anything."""
    times = sorted(record.at_ms for record in evidence.levels)
    return max((after - before for before, after in pairwise(times)), default=0) / 1000
