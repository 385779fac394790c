"""Thousands of seeded schedules of the whole system against an oracle that shares no code with it."""

from __future__ import annotations

import pytest

from tests.simulation.run import run

SCHEDULES = 10_000
CHUNK = 500


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_every_number_equals_the_oracle_whatever_dies_when(first: int) -> None:
    for seed in range(first, first + CHUNK):
        found = run(seed).differences

        assert not found, f"seed {seed}, see `python -m tests.simulation --seed {seed}`: {found[:3]}"
