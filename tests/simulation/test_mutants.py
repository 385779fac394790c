"""The simulator is trusted because it was seen failing: each planted bug is noticed, and without one nothing is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.__main__ import shrink
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.run import Limits, run

PATIENCE = 300
"""Schedules after which a planted bug counts as not noticed."""


def test_enough_bugs_are_planted() -> None:
    assert len(MUTANTS) >= 15
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_noticed(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    seeds = range(mutant.first_seed, mutant.first_seed + PATIENCE)
    with pytest.MonkeyPatch.context() as patch:
        mutant.plant(patch)
        caught = next((seed for seed in seeds if _is_wrong(seed, mutant.limits)), None)

    assert caught is not None, f"{mutant.name}: not noticed in {PATIENCE} schedules; it breaks: {mutant.rule}"
    assert not _is_wrong(caught, mutant.limits), "the schedule is wrong without the planted bug, too"
    record_property("planted", f"{mutant.name:58} {mutant.rule:55} seed {caught}")


def test_a_failing_schedule_is_made_small() -> None:
    mutant = next(one for one in MUTANTS if one.name == "means and energies are rounded down")
    with pytest.MonkeyPatch.context() as patch:
        mutant.plant(patch)
        smallest = shrink(0)

    assert smallest.faults == smallest.changes == 0
    assert smallest.records < Limits().records


def _is_wrong(seed: int, limits: Limits) -> bool:
    """An exception is noticed, too."""
    try:
        return bool(run(seed, limits).differences)
    except Exception:
        return True
