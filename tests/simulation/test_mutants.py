"""The simulator is trusted because it was seen failing: each planted bug is noticed, and without one nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.mutants import MUTANTS, Edit, Mutant, compile_all, plant, plant_all, simulate
from tests.simulation.run import run

PATIENCE = 300
"""Schedules after which a planted bug counts as not noticed."""


class Planted(NamedTuple):
    """A copy of the source with every bug in it, and whether its core is compiled."""

    copy: Path
    is_compiled: bool


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    copy = tmp_path_factory.mktemp("planted")
    plant_all(copy)
    return Planted(copy, compile_all(copy))


def test_enough_bugs_are_planted() -> None:
    assert len(MUTANTS) >= 15
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("source", ["    a = 1\n    b = 2\n", "    a = 1\n    c = 2\n    a = 1\n    c = 2\n"])
def test_a_bug_of_which_the_lines_are_not_there_once_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="expected once"):
        plant(source, 1, Edit("file", ["a = 1", "c = 2"], ["pass"]))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_noticed(
    planted: Planted, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    schedules = ("--first", str(mutant.first_seed), "--seeds", str(PATIENCE))
    limits = ("--limits", *map(str, mutant.limits))
    core, *caught = simulate(planted.copy, mutant, "--hunt", *schedules, *limits, compiled=planted.is_compiled)

    assert core == ("compiled" if planted.is_compiled else "as it is")
    assert caught, f"{mutant.name}: not noticed in {PATIENCE} schedules; it breaks: {mutant.rule}"
    assert not run(int(caught[0]), mutant.limits).differences, "the schedule is wrong without the planted bug, too"
    record_property("planted", f"{mutant.name:58} {mutant.rule:55} seed {caught[0]}")


def test_a_failing_schedule_is_made_small(planted: Planted) -> None:
    mutant = next(one for one in MUTANTS if one.name == "means and energies are rounded down")
    told = simulate(planted.copy, mutant, "--seed", "0", compiled=False)

    assert any(line.startswith("the smallest that still fails: Limits(faults=0, changes=0, records=") for line in told)
