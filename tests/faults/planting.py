"""Whether the harness notices: spoiled evidence of a real run, and real workers with a bug planted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults.case import Case
from tests.faults.checkers import check
from tests.faults.layout import Layout
from tests.faults.matrix import ROWS
from tests.faults.planted import SPOILED
from tests.faults.planted_worker import BUGS
from tests.faults.rows_worker import kills
from tests.faults.run import run
from tests.faults.trial import Trial
from tests.simulation.mutants import MUTANTS, environment, plant_all

KILLS = 10
FROM_THE_SIMULATOR = (
    "a repeated reading counts again",
    "one reading in fifty is dropped",
    "the first second belongs to the window before",
    "means and energies are rounded down",
    "windows close without grace",
    "a window is final when one partition has passed",
    "a correction is called final",
    "nothing is said after a restart",
    "closed entries of a site row are ignored",
    "an older contribution replaces a newer one",
)
Noticed = tuple[str, str, list[str]]
"""A bug, where it was planted, and the checkers that saw it."""


def notice(seed: int) -> Iterator[Noticed]:
    """Plant one bug after another, and yield who saw it."""
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        yield from _in_evidence(Path(scratch) / "run", seed)
    for name in (*BUGS, *FROM_THE_SIMULATOR):
        with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
            yield name, "worker", _in_workers(Path(scratch), name, seed)


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
    planted = _source_with(directory / "source", bug) if bug in FROM_THE_SIMULATOR else {}

    def nemesis(trial: Trial) -> None:
        for name in trial.layout.names:
            worker = trial.worker(name)
            worker.changes.update(planted)
            if not planted:
                worker.main = ["-m", "tests.faults.planted_worker", bug]
        kills(trial, KILLS)

    result = run(directory / "run", Layout(minutes=60), seed, nemesis)
    return [name for name, count in result["checks"].items() if count]


def _source_with(copy: Path, bug: str) -> dict[str, str]:
    """Make a copy of the source, and return what makes a worker run it with a bug of the simulator's."""
    plant_all(copy)
    number = next(mutant.number for mutant in MUTANTS if mutant.name == bug)
    return environment(copy, number, compiled=False)
