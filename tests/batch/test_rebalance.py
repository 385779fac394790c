"""Partitions move between workers, and nothing is lost or doubled on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import is_committed, publish, remembered, said, until_committed
from tests.batch.killing import Evidence
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


def test_a_static_member_that_comes_back_within_its_session_causes_no_rebalance(killed: Evidence) -> None:
    assert len(killed.generations) == 1


async def test_a_second_worker_takes_half_and_gives_it_back_when_it_stops(setup: Setup) -> None:
    with Worker(setup) as first:
        first.until(lambda metrics: set(metrics["lag"]) == {"0", "1"})
        await _publish_to_both(setup, 1)
        with Worker(replace(setup, directory=setup.directory + "-second")) as second:
            second.until(lambda metrics: len(metrics["lag"]) == 1)
            (taken,) = second.metrics()["lag"]
            first.until(lambda metrics: set(metrics["lag"]) == {"0", "1"} - {taken})
            await _publish_to_both(setup, 10)
            await until_committed(setup)
            assert second.stop() == 0
        first.until(lambda metrics: set(metrics["lag"]) == {"0", "1"})
        await _publish_to_both(setup, 100)
        await until_committed(setup)
        assert first.stop() == 0
    assert await said(setup) == await remembered(setup) == {"a": 222, "b": 222}


async def test_what_was_folded_is_flushed_and_committed_before_partitions_move(setup: Setup) -> None:
    """With cadences that never come due, only a revocation can have flushed."""
    lazy = replace(setup, publish_s=NEVER_S, checkpoint_s=NEVER_S)
    await _publish_to_both(setup, 1)
    with Worker(lazy) as first:
        first.until(lambda metrics: metrics["records"] == 4)
        with Worker(replace(lazy, directory=setup.directory + "-second")) as second:
            first.until(lambda metrics: metrics["group_generation"] >= 2)
            second.until(lambda metrics: metrics["is_ready"])
            assert await said(setup) == await remembered(setup) == {"a": 2, "b": 2}
            assert await is_committed(setup)


async def _publish_to_both(setup: Setup, amount: int) -> None:
    for partition, key in enumerate("ab"):
        await publish(setup, partition, [(key, amount)] * 2)
