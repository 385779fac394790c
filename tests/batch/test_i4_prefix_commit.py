"""I4: what is committed is the end of the longest prefix of delivered batches that are all acknowledged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import committed, publish, publish_transactions, said
from tests.batch.running import is_settled, running, until

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_a_batch_that_is_not_acknowledged_holds_back_those_after_it(setup: Setup) -> None:
    async with running(replace(setup, checkpoint_s=NEVER_S)) as app:
        processor = app.batch_processor
        for batches in (1, 2, 3):
            await publish(setup, 0, [("a", 1), ("b", 2)])
            await until(lambda: len(processor._pending.get(0, [])) == batches)  # noqa: B023
        first, second, third = processor._pending.pop(0)
        assert await processor._stream.ack(second)
        await app.consumer.commit()
        assert await committed(setup) == {}
        assert await processor._stream.ack(first)
        await app.consumer.commit()
        assert await committed(setup) == {0: 4}
        assert await processor._stream.ack(third)
        await app.consumer.commit()
        assert await committed(setup) == {0: 6}


async def test_offsets_that_transactions_take_are_no_gap_in_the_prefix(setup: Setup) -> None:
    await publish_transactions(setup, setup.source, [[("a", 1)], [("b", 2)], [("a", 10), ("b", 20)]])
    await publish(setup, 0, [("a", 100)])
    async with running(setup) as app:
        await until(is_settled(app, 5))
    assert await said(setup) == {"a": 111, "b": 22}
    assert await committed(setup) == {0: 8}


async def test_a_batch_of_nothing_but_tombstones_is_committed_and_forgets_its_keys(setup: Setup) -> None:
    async with running(setup) as app:
        await publish(setup, 0, [("a", 1), ("b", 2)])
        await until(is_settled(app, 2))
        await publish(setup, 0, [("a", None), ("b", None)])
        await until(is_settled(app, 4))
        assert app.batch_processor.machines[0].totals == {}
    assert await committed(setup) == {0: 4}
