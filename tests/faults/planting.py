"""Whether the harness notices: spoiled evidence of a real run, and real workers with a bug planted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.compiled import SWITCH
from tests.faults.case import Case
from tests.faults.checkers import check
from tests.faults.layout import Layout
from tests.faults.matrix import ROWS
from tests.faults.planted import SPOILED
from tests.faults.planted_worker import BUGS, FROM_THE_SIMULATOR
from tests.faults.rows_worker import kills
from tests.faults.run import run
from tests.faults.trial import Trial

KILLS = 10
Noticed = tuple[str, str, list[str]]
"""A bug, where it was planted, and the checkers that saw it."""


def notice(seed: int) -> Iterator[Noticed]:
    """Plant one bug after another, and yield who saw it."""
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        yield from _in_evidence(Path(scratch) / "run", seed)
    for name in (*BUGS, *FROM_THE_SIMULATOR):
        with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
            yield name, "worker", _in_workers(Path(scratch) / "run", name, seed)


def _in_evidence(directory: Path, seed: int) -> Iterator[Noticed]:
    """Make a sound run, then spoil what it left behind; each bug has to be seen by the checker that it is for."""
    row = ROWS["smoke"]
    trial = Trial(directory, row.layout, seed)
    try:
        trial.begin()
        row.act(trial, row.least)
        trial.heal()
        evidence = trial.evidence()
    finally:
        trial.clean_up()
    yield (
        "none",
        "evidence",
        [f"{name} (wrong)" for name, found in check(Case(evidence)).items() if found] or ["nobody, as it should"],
    )
    for one in SPOILED:
        found = check(Case(one.spoil(evidence)))
        yield one.name, "evidence", [name for name, sentences in found.items() if sentences]


def _in_workers(directory: Path, bug: str, seed: int) -> list[str]:
    """Kill workers that have a bug under load, and return the checkers that saw it."""

    def nemesis(trial: Trial) -> None:
        for worker in trial.layout.names:
            trial.worker(worker).main = ["-m", "tests.faults.planted_worker", bug]
            trial.worker(worker).changes[SWITCH] = "no"  # nothing can be planted in a compiled core
        kills(trial, KILLS)

    result = run(directory, Layout(minutes=60), seed, nemesis)
    return [name for name, count in result["checks"].items() if count]
