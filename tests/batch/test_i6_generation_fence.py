"""I6: a batch, or a worker, of an older generation of the group changes nothing."""

from __future__ import annotations

import math
import signal
from contextlib import ExitStack
from dataclasses import replace

import pytest

from app.batch.consumer import BatchMessage
from tests.batch.counting import Setup
from tests.batch.kafka import publish, remembered, said
from tests.batch.running import is_settled, running, until
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_a_batch_of_an_older_generation_is_dropped(setup: Setup) -> None:
    async with running(replace(setup, checkpoint_s=NEVER_S)) as app:
        processor = app.batch_processor
        await publish(setup, 0, [("a", 1)])
        await until(lambda: processor.metrics.records == 1)
        (event,) = processor._pending[0]
        message: BatchMessage = event.message
        message.records, message.generation_id = [_Amount(1, b"a", b"100")], message.generation_id - 1
        await processor._take(event)
        assert processor.machines[0].totals == {b"a": (0, 1)}
        message.generation_id += 1
        await processor._take(event)
        assert processor.machines[0].totals == {b"a": (1, 101)}


async def test_a_batch_acknowledged_after_its_partition_was_assigned_anew_commits_nothing(setup: Setup) -> None:
    async with running(replace(setup, checkpoint_s=NEVER_S)) as app:
        await publish(setup, 0, [("a", 1)])
        await until(lambda: app.batch_processor.metrics.records == 1)
        (event,) = app.batch_processor._pending[0]
        await app.consumer.perform_seek()
        assert not app.consumer.ack(event.message)
        await app.consumer.commit()
        assert not app.consumer._settled


async def test_machines_learn_when_no_former_owner_can_go_on(setup: Setup) -> None:
    async with running(setup) as app:
        processor = app.batch_processor
        assert processor.fence.outlived_after_s == setup.session_timeout_s + setup.request_timeout_s
        assert processor._outlived_s < math.inf
        await publish(setup, 0, [("a", 1)] * 3)
        await until(is_settled(app, 3))
        assert processor.machines[0].end_offset == 0
        processor._outlived_s = 0.0
        await until(lambda: processor.machines[0].end_offset == 3)
        assert processor._outlived_s == math.inf


async def test_a_worker_that_stood_still_for_longer_than_its_session_stops_itself(setup: Setup) -> None:
    setup = replace(setup, session_timeout_s=6.0)
    still = replace(setup, directory=setup.directory + "-still", publish_s=NEVER_S, checkpoint_s=NEVER_S)
    for partition in range(setup.partitions):
        await publish(setup, partition, [("ab"[partition], 1)])
    with Worker(still) as sleeper, ExitStack() as others:
        sleeper.until(lambda metrics: metrics["pending_batches"] == 2)
        sleeper.process.send_signal(signal.SIGSTOP)
        heir = others.enter_context(Worker(setup))
        heir.until(lambda metrics: set(metrics["lag"]) == {"0", "1"} and metrics["total_lag"] == 0)
        await publish(setup, 0, [("a", 10)])
        heir.until(lambda metrics: metrics["records"] >= 2 and not metrics["pending_batches"])
        sleeper.process.send_signal(signal.SIGCONT)
        assert sleeper.ended() == 1
        assert "the group goes on without this worker" in sleeper.log()
        assert heir.stop() == 0
    assert await said(setup) == await remembered(setup) == {"a": 11, "b": 1}


class _Amount:
    def __init__(self, offset: int, key: bytes, value: bytes) -> None:
        self.offset, self.key, self.value = offset, key, value
