"""A flush says what every partition has to say and remembers only those whose turn it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import committed, publish, said
from tests.batch.running import running, until

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_a_partition_whose_turn_it_is_not_is_said_and_stays_unacknowledged(setup: Setup) -> None:
    async with running(replace(setup, publish_s=NEVER_S, checkpoint_s=NEVER_S)) as app:
        processor = app.batch_processor
        await publish(setup, 0, [("a", 1)] * 3)
        await publish(setup, 1, [("b", 2)] * 5)
        await until(lambda: processor.metrics.records == 8)
        await processor._flush_all({0})
        processor._measure()
        await app.consumer.commit()

        assert processor.metrics.pending_records == 5
        assert await committed(setup) == {0: 3}
        assert await said(setup) == {"a": 3, "b": 10}


async def test_a_flush_that_a_stop_overtakes_ends(setup: Setup) -> None:
    async with running(replace(setup, publish_s=NEVER_S, checkpoint_s=NEVER_S)) as app:
        flush = asyncio.create_task(app.batch_processor._flush_all(set()))
        await asyncio.sleep(0)
        app.batch_processor._forget()
        await flush


async def test_every_partition_gets_its_turn(setup: Setup) -> None:
    async with running(replace(setup, publish_s=0.1, checkpoint_s=0.4)) as app:
        await publish(setup, 0, [("a", 1)])
        await publish(setup, 1, [("b", 2)])
        await until(lambda: app.batch_processor.metrics.rows == 6)
        await app.consumer.commit()
        assert await committed(setup) == {0: 1, 1: 1}
