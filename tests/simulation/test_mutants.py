"""The simulator is trusted because it was seen failing: each planted bug is noticed, and without one nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.mutants import MUTANTS, Edit, Mutant, compile_all, plant, plant_all, run_copy
from tests.simulation.run import run

CORES = ["as it is", "compiled"]


class Planted(NamedTuple):
    """A copy of the source with every bug in it; of each core that could be had, the seed by which each bug is seen."""

    copy: Path
    seen: dict[str, dict[int, int]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    copy = tmp_path_factory.mktemp("planted")
    plant_all(copy)
    cores = CORES if compile_all(copy) else CORES[:1]
    return Planted(copy, {core: seen_by(copy, core) for core in cores})


def seen_by(copy: Path, core: str) -> dict[int, int]:
    used, *lines = run_copy(copy, "tests.simulation.hunt", compiled=core == "compiled")
    assert used == core
    return {int(number): int(seed) for number, *seeds in map(str.split, lines) for seed in seeds}


def test_enough_bugs_are_planted() -> None:
    assert len(MUTANTS) >= 15
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("source", ["    a = 1\n    b = 2\n", "    a = 1\n    c = 2\n    a = 1\n    c = 2\n"])
def test_a_bug_of_which_the_lines_are_not_there_once_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="expected once"):
        plant(source, 1, Edit("file", ["a = 1", "c = 2"], ["pass"]))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_noticed(
    planted: Planted, mutant: Mutant, core: str, record_property: Callable[[str, object], None]
) -> None:
    if core not in planted.seen:
        pytest.skip("the core is not compiled here: `make compiled` says why")
    seed = planted.seen[core].get(mutant.number)

    assert seed is not None, f"{mutant.name}: not noticed by any schedule; it breaks: {mutant.rule}"
    assert not run(seed, mutant.limits).differences, "the schedule is wrong without the planted bug, too"
    if core == CORES[0]:
        record_property("planted", f"{mutant.name:58} {mutant.rule:55} seed {seed}")


def test_a_failing_schedule_is_made_small(planted: Planted) -> None:
    mutant = next(one for one in MUTANTS if one.name == "means and energies are rounded down")
    told = run_copy(planted.copy, "tests.simulation", "--seed", "0", compiled=False, number=mutant.number)

    assert any(line.startswith("the smallest that still fails: Limits(faults=0, changes=0, records=") for line in told)
