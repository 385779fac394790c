"""The flush loop: apply batches as they come; say, remember and acknowledge on a cadence.

The order inside one flush: what is said is acknowledged before anything is remembered, every stage of rows is
in the changelog before it is on disk and before the next is sent, and only then are the source's batches
acknowledged. A failure anywhere ends the process before that: nothing acknowledged is lost.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from app.batch.application import BatchApp
from app.batch.errors import BatchError, die
from app.batch.machine import Machine, Outgoing, Reader
from app.batch.metrics import Metrics
from app.batch.recovery import read_gap
from app.batch.table import BatchTable, TableReader
from app.batch.transport import BatchProducer, Fence

IDLE_S = 0.05
REPORT_S = 1.0
BEHIND_RECORDS = 20_000
MAX_PENDING_RECORDS = 400_000

log = logging.getLogger(__name__)


class Processor:
    """Owns the machines of the partitions that this worker is assigned, one for each."""

    def __init__(
        self,
        app: BatchApp,
        *,
        source: str,
        tables: Mapping[str, BatchTable],
        create: Callable[[int, Reader], Machine],
        prepare: Callable[[set[int]], Awaitable[None]],
        catch_up: Callable[[int], Awaitable[None]],
        publish_s: float,
        checkpoint_s: float,
        report: Callable[[dict[str, object]], None] = lambda _: None,
    ) -> None:
        self.app = app
        self.source = source
        self.tables = dict(tables)
        self.create = create
        self.prepare = prepare
        self.catch_up = catch_up
        self.publish_s = publish_s
        self.checkpoint_s = checkpoint_s
        self.report = report
        self.metrics = Metrics()
        self.machines: dict[int, Machine] = {}
        self.generation = 0
        self._pending: dict[int, list[Any]] = {}
        self._pending_records = 0
        self._positions: dict[int, int] = {}
        self._lock = asyncio.Lock()
        self._stream: Any = None
        self._published_s = self._checkpointed_s = time.monotonic()
        self._measured_s = 0.0
        self._fence = Fence(app.conf.broker_session_timeout)
        app.batch_processor = self
        for table in self.tables.values():
            table.read_gap = self._read_gap
        next(iter(self.tables.values())).on_recover(self._recovered)

    async def run(self, stream: Any) -> None:
        """Fold the batches of a stream until it ends; the whole body of an agent."""
        self._stream = stream.noack()
        idle = asyncio.create_task(self._flush_when_idle())
        try:
            async for event in self._stream.events():
                await self._take(event)
        except Exception as error:
            die(error)
        finally:
            idle.cancel()

    async def _take(self, event: Any) -> None:
        async with self._lock:
            await self._fold(event)
        now_s = time.monotonic()
        if now_s - self._checkpointed_s >= self.checkpoint_s or self._pending_records > MAX_PENDING_RECORDS:
            await self.flush(checkpoint=True)
        elif now_s - self._published_s >= self.publish_s:
            await self.flush(checkpoint=False)
        await asyncio.sleep(0)

    async def _fold(self, event: Any) -> None:
        message, generation = event.message, self.generation
        machine = self.machines.get(message.partition)
        if machine is None or message.generation_id != self.app.consumer_generation_id:
            return
        with self.metrics.phase("apply"):
            is_done = machine.apply(message.records, settled=False)
        if not is_done:
            await self.catch_up(message.partition)
            if generation != self.generation:
                return
            with self.metrics.phase("apply"):
                machine.apply(message.records, settled=True)
        self.metrics.took(len(message.records))
        self._pending.setdefault(message.partition, []).append(event)
        self._pending_records += len(message.records)
        message.records = event.value = ()

    async def _flush_when_idle(self) -> None:
        """Publish as soon as nothing more waits to be folded, and checkpoint what is pending on its cadence."""
        try:
            while True:
                await asyncio.sleep(IDLE_S)
                self._fence.beat()
                self._measure()
                now_s = time.monotonic()
                if now_s - self._checkpointed_s >= self.checkpoint_s:
                    await self.flush(checkpoint=True)
                elif now_s - self._published_s >= self.publish_s:
                    await self.flush(checkpoint=False)
        except Exception as error:
            die(error)

    async def settle(self) -> None:
        """Flush everything now: partitions are revoked, or the worker stops."""
        try:
            await self.flush(checkpoint=True)
        except Exception as error:
            die(error)

    async def flush(self, *, checkpoint: bool) -> None:
        """Say what changed; with *checkpoint*, remember it and acknowledge what it came from."""
        async with self._lock:
            began_s = self._published_s = time.monotonic()
            if checkpoint:
                self._checkpointed_s = began_s
                self._pending_records = 0
            await asyncio.gather(*[self._flush(one, checkpoint=checkpoint) for one in list(self.machines)])
            self.metrics.longest_flush_s = max(self.metrics.longest_flush_s, time.monotonic() - began_s)
            self.metrics.checkpoints += checkpoint
            self.metrics.publishes += 1

    async def _flush(self, partition: int, *, checkpoint: bool) -> None:
        machine, generation = self.machines[partition], self.generation
        with self.metrics.phase("say"):
            outgoing = machine.say(behind=self._is_behind(partition), now_s=time.monotonic())
        events = self._pending.pop(partition, []) if checkpoint else []
        with self.metrics.phase("remember"):
            stages = machine.remember() if events else []
        await self._send(outgoing)
        for table, rows in stages:
            if rows:
                await self.tables[table].write(partition, rows, self.metrics)
        if generation == self.generation and events:
            machine.remembered()
            for event in events:
                await self._stream.ack(event)

    async def _send(self, outgoing: list[Outgoing]) -> None:
        producer: BatchProducer = self.app.producer  # type: ignore[assignment]
        grouped: dict[tuple[str, int], list[Any]] = {}
        for topic, partition, messages in outgoing:
            grouped.setdefault((topic, partition), []).extend(messages)
            self.metrics.messages += len(messages)
        with self.metrics.phase("encode"):
            built = [(*where, producer.build(messages, where[0])) for where, messages in grouped.items()]
        sent = [
            await producer.send_built(topic, partition, one) for topic, partition, batches in built for one in batches
        ]
        await asyncio.gather(*sent)

    def check_fence(self) -> None:
        """End the process if it stood still for longer than its session."""
        self._fence.check()

    def assigned(self) -> set[int]:
        """Return the partitions of the source that this worker owns."""
        return {tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.source}

    def positions(self, assignment: set[TP]) -> dict[TP, int]:
        """Return where to read on, for the sources among *assignment*."""
        return {tp: self._positions[tp.partition] for tp in assignment
                if tp.topic == self.source and tp.partition in self._positions}  # fmt: skip

    def new_plain_consumer(self) -> AIOKafkaConsumer:
        """Return a consumer outside the group."""
        servers = [f"{url.host}:{url.port}" for url in self.app.conf.broker]
        return AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")

    async def _recovered(self, *_: Any) -> None:
        """Make the machines anew; what was pending will be fetched again."""
        try:
            async with self._lock:
                await self._make_machines(self.assigned())
        except Exception as error:
            die(error)

    async def _make_machines(self, partitions: set[int]) -> None:
        self.generation += 1
        self._pending, self._pending_records = {}, 0
        self.machines, self._positions, self.metrics.lag = {}, {}, {}
        await self.prepare(partitions)
        sources = [TP(self.source, partition) for partition in sorted(partitions)]
        earliest, ends = await self._bounds(sources)
        for tp in sources:
            machine = self.create(tp.partition, TableReader(self.tables, tp.partition))
            self._positions[tp.partition] = _position(tp, machine.offset, earliest[tp], ends[tp])
            machine.caught_up_at(ends[tp])
            self.machines[tp.partition] = machine
        self.metrics.is_ready = True
        self._measured_s = 0.0
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 50, 100)

    async def _bounds(self, sources: list[TP]) -> tuple[dict[Any, int], dict[Any, int]]:
        """Return where sources begin and end. Asked outside the group: its consumer answers a heartbeat later."""
        consumer = self.new_plain_consumer()
        await consumer.start()
        try:
            tps = [TopicPartition(*tp) for tp in sources]
            return await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        finally:
            await consumer.stop()

    async def _read_gap(self, topic: str, partition: int, start: int, end: int) -> Any:
        return await read_gap(self.new_plain_consumer, topic, partition, start, end)

    def _is_behind(self, partition: int) -> bool:
        return self._lag(partition) > BEHIND_RECORDS

    def _lag(self, partition: int) -> int:
        end = self.app.consumer.highwater(TP(self.source, partition))
        return max(0, (end or 0) - self.machines[partition].offset - 1)

    def _measure(self) -> None:
        now_s = time.monotonic()
        if now_s - self._measured_s >= REPORT_S:
            self._measured_s = now_s
            self.metrics.lag = {partition: self._lag(partition) for partition in self.machines}
            self.metrics.queued_batches = sum(map(len, self._pending.values()))
            self.report(self.metrics.snapshot())


def _position(tp: TP, offset: int, earliest: int, end: int) -> int:
    """Return where to read on, or refuse: skipping in silence would be a wrong number."""
    if offset == -1:
        return earliest
    if offset + 1 < earliest:
        raise BatchError(
            f"{tp.topic}/{tp.partition} begins at {earliest}, but the state needs it from {offset + 1} on: retention "
            "removed records that were not folded; reset the state of both applications, or restore the records"
        )
    if offset + 1 > end:
        raise BatchError(
            f"{tp.topic}/{tp.partition} ends at {end}, but the state has folded it up to {offset}: the topic was made "
            "again; reset the state of both applications (docs/operations.md, Reset)"
        )
    return offset + 1
