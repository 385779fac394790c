"""A worker's numbers about itself are true."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from app.batch import Metrics
from app.batch.metrics import WAKE_S
from tests.batch.counting import Setup
from tests.batch.kafka import publish
from tests.batch.running import is_settled, running, until

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_records_and_batches_are_counted_and_each_phase_took_time(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1)] * 3)
    async with running(replace(setup, is_profiled=True)) as app:
        metrics = app.batch_processor.metrics
        await until(is_settled(app, 3))
        await publish(setup, 1, [("b", 1), ("c", 2)] * 10)
        await until(is_settled(app, 23))
        assert (metrics.records, metrics.batches, metrics.largest_batch) == (23, 2, 20)
        assert (metrics.messages, metrics.rows) == (3, 7)
        assert {phase for phase, took_s in metrics.phase_s.items() if took_s > 0} == PHASES
        assert {what for what, took_s in metrics.waited_s.items() if took_s > 0} == {"say", "remember"}
        assert metrics.longest_flush_s > 0
        snapshot: Any = metrics.snapshot()
        assert 0 < sum(metrics.phase_s.values()) < snapshot["thread_s"]["MainThread"] <= snapshot["process_cpu_s"]
        assert len(snapshot["thread_s"]) > 1


async def test_lag_is_what_was_published_and_not_folded(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1)] * 7)
    async with running(setup) as app:
        processor = app.batch_processor
        await until(is_settled(app, 7))
        processor._measure()
        assert processor.metrics.lag == {0: 0, 1: 0}
        app.consumer.stop_flow()
        await publish(setup, 0, [("a", 1)] * 10)
        await processor.recover({0, 1})
        assert processor.metrics.lag == {0: 10, 1: 0}
        assert processor.metrics.snapshot()["total_lag"] == 10
        await app.consumer.perform_seek()
        app.consumer.resume_flow()
        await until(is_settled(app, 17))


async def test_an_end_that_no_fetch_has_told_yet_counts_as_lag(setup: Setup) -> None:
    async with running(setup) as app:
        processor = app.batch_processor
        processor.progress._ends[1] = 100
        processor._measure()
        assert processor.metrics.lag == {0: 0, 1: 100}


async def test_what_waits_to_be_remembered_is_counted_until_it_is(setup: Setup) -> None:
    async with running(replace(setup, checkpoint_s=NEVER_S)) as app:
        processor = app.batch_processor
        await publish(setup, 0, [("a", 1)] * 7)
        await until(lambda: processor.metrics.records == 7)
        processor._measure()
        assert (processor.metrics.pending_batches, processor.metrics.pending_records) == (1, 7)
        await processor.flush(checkpoint=True)
        processor._measure()
        assert (processor.metrics.pending_batches, processor.metrics.pending_records) == (0, 0)


async def test_a_worker_is_ready_from_recovery_until_its_partitions_are_revoked(setup: Setup) -> None:
    async with running(setup) as app:
        processor = app.batch_processor
        assert processor.metrics.is_ready
        await processor.settle()
        assert not processor.metrics.is_ready
        assert processor.metrics.lag == {}


def test_nothing_is_timed_unless_it_is_profiled() -> None:
    metrics = Metrics()
    with metrics.phase("apply"):
        sum(range(100_000))

    assert (metrics.phase_s, metrics.snapshot()["thread_s"]) == ({}, {})


async def test_a_stall_is_how_long_the_event_loop_did_nothing_else_once_ready() -> None:
    metrics = Metrics(is_profiled=True)
    watch = asyncio.create_task(metrics.watch_stalls())
    await asyncio.sleep(0)
    time.sleep(1.0)
    await asyncio.sleep(2 * WAKE_S)
    metrics.is_ready = True
    unready_s = metrics.longest_stall_s
    await asyncio.sleep(2 * WAKE_S)
    time.sleep(0.3)
    while metrics.longest_stall_s < 0.2:
        await asyncio.sleep(WAKE_S)
    watch.cancel()

    assert unready_s == 0


def test_a_phase_that_raises_is_counted_too() -> None:
    metrics = Metrics(is_profiled=True)
    with pytest.raises(ZeroDivisionError), metrics.phase("apply"):
        sum(range(100_000)) / 0
    assert metrics.phase_s["apply"] > 0


PHASES = {"apply", "say", "remember", "encode", "store"}
