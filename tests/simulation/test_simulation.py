"""Thousands of seeded schedules of the whole system against an oracle that shares no code with it.

Some run here, in the source of the core; `test_compiled` runs the rest in the core that ships.
"""

from __future__ import annotations

import pytest

from tests.simulation.run import Limits, run

SCHEDULES = 2_000
CHUNK = 500


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_every_number_equals_the_oracle_whatever_dies_when(first: int) -> None:
    for seed in range(first, first + CHUNK):
        found = run(seed).differences

        assert not found, f"seed {seed}, see `python -m tests.simulation --seed {seed}`: {found[:3]}"


MOVES = 1_000


@pytest.mark.parametrize("first", range(0, 100, 50))
def test_a_thousand_moves_leave_every_window_with_its_members_whatever_dies_when(first: int) -> None:
    """Sites between feeders, feeders between substations, groups, devices, at past, present and future times."""
    results = [run(seed, Limits(changes=MOVES)) for seed in range(first, first + 50)]

    assert [(one.seed, one.differences[:3]) for one in results if one.differences] == []
    assert sum(one.crashes for one in results) > 50
