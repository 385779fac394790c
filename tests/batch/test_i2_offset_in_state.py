"""I2: state knows which records it holds, so none is counted twice or left out, however often it is killed."""

from __future__ import annotations

import pytest

from tests.batch.kafka import remembered, said
from tests.batch.killing import Evidence

pytestmark = pytest.mark.broker


async def test_totals_are_exact_after_kills_with_the_disk_kept_and_wiped(killed: Evidence) -> None:
    assert all(lag > 0 for lag in killed.lag_when_killed), "a kill came after the load"
    assert len(killed.lag_when_killed) == 4
    assert await said(killed.setup) == killed.due
    assert await remembered(killed.setup) == killed.due
