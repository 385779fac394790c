"""I9: a slow machine slows the reading; what waits for it, and what waits to be remembered, is bounded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.batch.consumer import BatchConsumer
from tests.batch.counting import Setup
from tests.batch.kafka import publish, said
from tests.batch.running import is_settled, running, until

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_no_more_batches_wait_for_a_slow_machine_than_its_queue_takes(setup: Setup) -> None:
    for partition in range(setup.partitions):
        await publish(setup, partition, [("ab"[partition], 1)] * 100, batch=1)
    depths = set()
    async with running(replace(setup, queue_batches=3, fetch_bytes=1, pause_s=0.002)) as app:
        processor = app.batch_processor
        while processor.metrics.records < 200:
            processor._measure()
            depths.add(processor.metrics.queued_batches)
            await asyncio.sleep(0)
        await until(is_settled(app, 200))
    assert max(depths) == 3
    assert await said(setup) == {"a": 100, "b": 100}


async def test_reading_goes_on_as_soon_as_a_full_queue_has_room(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    wait, wait_room, active, waits = (
        BatchConsumer._wait_next_records,
        BatchConsumer._wait_room,
        list[bool](),
        list[None](),
    )

    async def noted(self: BatchConsumer, timeout_s: float) -> Any:
        active.append(bool(self._get_active_partitions()) or not self._buffered_partitions)
        return await wait(self, timeout_s)

    async def counted(self: BatchConsumer) -> None:
        waits.append(None)
        await wait_room(self)

    monkeypatch.setattr(BatchConsumer, "_wait_next_records", noted)
    monkeypatch.setattr(BatchConsumer, "_wait_room", counted)
    async with running(replace(setup, queue_batches=8, fetch_bytes=1)) as app:
        async with app.batch_processor._lock:
            for partition in range(setup.partitions):
                await publish(setup, partition, [("ab"[partition], 1)] * 40, batch=1)
            await until(lambda: waits or not all(active))
        await until(is_settled(app, 80))
    assert all(active), "Faust sleeps for a second when it is asked for records while every partition is full"


async def test_records_that_wait_to_be_remembered_are_remembered_when_there_are_too_many(setup: Setup) -> None:
    async with running(replace(setup, checkpoint_s=NEVER_S, max_pending_records=100)) as app:
        processor = app.batch_processor
        for due in (60, 120):
            await publish(setup, 0, [("a", 1)] * 60)
            await until(lambda: processor.metrics.records >= due)  # noqa: B023
        await until(lambda: processor.metrics.rows == 3)


async def test_changelogs_are_not_fetched_beside_their_recovery(setup: Setup) -> None:
    async with running(setup) as app:
        paused = app.consumer._thread._ensure_consumer().paused()
        assert paused == {(setup.changelog, partition) for partition in range(setup.partitions)}
