"""The flush loop: apply batches as they come; say, remember and acknowledge on a cadence.

The order inside one flush: what is said is acknowledged before anything is remembered, every stage of rows is
in the changelog before it is on disk and before the next is sent, and only then are the source's batches
acknowledged. A failure anywhere ends the process before that: nothing acknowledged is lost.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth, server_list
from faust.types import TP

from app.batch.application import BatchApp
from app.batch.beat import Beat
from app.batch.consumer import BatchConsumer
from app.batch.crash import reach
from app.batch.errors import BatchError, die
from app.batch.fence import Fence
from app.batch.identity import Identity
from app.batch.lean import lean
from app.batch.machine import Machine, Reader
from app.batch.metrics import Metrics
from app.batch.outputs import Outputs
from app.batch.progress import Progress
from app.batch.recovery import read_gap
from app.batch.sources import bounds, position
from app.batch.table import BatchTable, TableReader
from app.batch.turns import Turns

DEFAULT_PORT = 9092
IDLE_S = 0.05
REPORT_S = 1.0
MAX_PENDING_RECORDS = 400_000
RESTORE_FETCH_BYTES = 4 << 20
"""Changelogs are read back one partition at a time: the more comes at once, the less is waited for."""

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
        publish_phase: float = 0.0,
        max_pending_records: int = MAX_PENDING_RECORDS,
        report: Callable[[dict[str, object]], None] = lambda _: None,
        is_profiled: bool = False,
    ) -> None:
        self.app = app
        self.source = source
        self.tables = dict(tables)
        self.create = create
        self.prepare = prepare
        self.catch_up = catch_up
        self.max_pending_records = max_pending_records
        self.report = report
        self.metrics = Metrics(is_profiled=is_profiled)
        self.machines: dict[int, Machine] = {}
        self.generation = 0
        self._pending: dict[int, list[Any]] = {}
        self._pending_records: dict[int, int] = {}
        self._lock = asyncio.Lock()
        self._stream: Any = None
        self._beat = Beat(publish_s, publish_phase, time.monotonic(), time.time())
        self._turns = Turns(checkpoint_s)
        self._outlived_s = math.inf
        self.outputs = Outputs(app, tables, self.metrics)
        self._identity = Identity(tables)
        self.progress = Progress(app, source)
        self.fence = Fence(app.conf.broker_session_timeout, app.conf.broker_request_timeout, self._is_member)
        app.batch_processor = self
        for table in self.tables.values():
            table.read_gap = self._read_gap

    async def run(self, stream: Any) -> None:
        """Fold the batches of a stream until it ends; the whole body of an agent."""
        self._stream = stream.noack()
        tasks = (self._flush_when_idle(), self._measure_regularly(), self.metrics.watch_stalls())
        beside = [asyncio.create_task(task) for task in tasks]
        try:
            async for event in self._stream.events():
                await self._take(event)
            if not self.app.should_stop:
                raise BatchError("the stream of the source ended by itself; start again")
        except Exception as error:
            die(error)
        finally:
            for task in beside:
                task.cancel()

    async def _take(self, event: Any) -> None:
        async with self._lock:
            await self._fold(event)
        if sum(self._pending_records.values()) > self.max_pending_records:
            await self.flush(checkpoint=True)
        else:
            await self._flush_when_due()
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
        self._pending_records[message.partition] = self._pending_records.get(message.partition, 0) + len(
            message.records
        )
        message.records = event.value = ()

    async def _flush_when_idle(self) -> None:
        """Publish and checkpoint on their cadences while nothing arrives that would do it."""
        try:
            while True:
                await asyncio.sleep(IDLE_S)
                if not self._lock.locked():
                    await self._flush_when_due()
        except Exception as error:
            die(error)

    async def _measure_regularly(self) -> None:
        try:
            while True:
                self._measure()
                if time.monotonic() > self._outlived_s:
                    self._outlive()
                await asyncio.sleep(REPORT_S)
        except Exception as error:
            die(error)

    def _outlive(self) -> None:
        """A former owner that went on for a while can say nothing more: what it may have said is to be replaced."""
        self._outlived_s = math.inf
        for partition, machine in self.machines.items():
            machine.caught_up_at(self.progress.end(partition))

    async def settle(self) -> None:
        """Flush everything, then know nothing more: partitions are revoked, or the worker stops."""
        self.metrics.is_ready = False
        reach("stop.begun")
        try:
            if self.machines:
                await self.flush(checkpoint=True)
        except Exception as error:
            die(error)
        reach("stop.flushed")
        self._forget()

    def _forget(self) -> None:
        """Drop what was not acknowledged; whoever owns the partitions next fetches it again."""
        self.generation += 1
        self.machines, self._pending, self._pending_records, self.metrics.lag = {}, {}, {}, {}

    async def _flush_when_due(self) -> None:
        now_s = time.monotonic()
        if self._beat.is_due(now_s, time.time()) or self._turns.is_overdue(now_s):
            await asyncio.shield(self._flush_all(self._turns.take(now_s)))

    async def flush(self, *, checkpoint: bool) -> None:
        """Say what changed; with *checkpoint*, remember it and acknowledge what it came from.

        One that has begun ends, also when who asked for it is cancelled: what a machine gave out it gives once.
        """
        await asyncio.shield(self._flush_all(self._turns.take_all(time.monotonic()) if checkpoint else ()))

    async def _flush_all(self, checkpointed: Collection[int]) -> None:
        """Have every partition say what changed; those of *checkpointed* remember it, too."""
        async with self._lock:
            began_s = time.monotonic()
            self._beat.take(began_s, time.time())
            flushes = []
            for partition in list(self.machines):
                flushes.append(asyncio.create_task(self._flush(partition, checkpoint=partition in checkpointed)))
                await asyncio.sleep(0)
            await asyncio.gather(*flushes)
            self.metrics.flushed(time.monotonic() - began_s)
            self.metrics.checkpoints += bool(checkpointed)
            self.metrics.publishes += 1

    async def _flush(self, partition: int, *, checkpoint: bool) -> None:
        machine, generation = self.machines.get(partition), self.generation
        if machine is None:
            return  # a stop, whose own flush came before this one, has forgotten it
        with self.metrics.phase("say"):
            is_behind = self.progress.is_behind(partition, machine.offset, len(self.machines))
            outgoing = machine.say(behind=is_behind, checkpoint=checkpoint, now_s=time.monotonic())
        events = self._pending.pop(partition, []) if checkpoint else []
        if events:
            del self._pending_records[partition]
        with self.metrics.phase("remember"):
            announced = machine.announce()
            stages = self._identity.beside(partition, machine.remember()) if events else []
        reach("flush.taken")
        with self.metrics.waiting("remember"):
            await self.outputs.remember(partition, announced)
        reach("flush.announced")
        with self.metrics.waiting("say"):
            await self.outputs.say(outgoing)
        reach("flush.said")
        with self.metrics.waiting("remember"):
            await self.outputs.remember(partition, stages)
        if generation == self.generation and events:
            machine.remembered()
            reach("flush.stored")
            for event in events:
                await self._stream.ack(event)
            reach("flush.acknowledged")

    def _is_member(self) -> bool:
        consumer: BatchConsumer = self.app.consumer  # type: ignore[assignment]
        return consumer.is_member()

    def assigned(self) -> set[int]:
        """Return the partitions of the source that this worker owns."""
        return {tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.source}

    def new_plain_consumer(self) -> AIOKafkaConsumer:
        """Return a consumer outside the group."""
        servers = server_list(self.app.conf.broker, DEFAULT_PORT)
        return AIOKafkaConsumer(
            bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest", key_deserializer=lean,
            max_partition_fetch_bytes=RESTORE_FETCH_BYTES,
            **credentials_to_aiokafka_auth(self.app.conf.broker_credentials),
        )  # fmt: skip

    async def recover(self, partitions: set[int]) -> None:
        """Make the machines of partitions whose tables are restored; what was pending will be fetched again."""
        async with self._lock:
            self._forget()
            generation = self.generation
            await self.prepare(partitions)
            machines = await self._make_machines([TP(self.source, partition) for partition in sorted(partitions)])
            if generation == self.generation:
                self.machines, self.metrics.is_ready = machines, True
                self._turns.begin(machines, time.monotonic())
                self._outlived_s = time.monotonic() + self.fence.outlived_after_s
                reach("recovery.made")
                self._measure()

    async def _make_machines(self, sources: list[TP]) -> dict[int, Machine]:
        earliest, ends, topic_id = await bounds(self.new_plain_consumer, sources)
        self.progress.begin({tp.partition: ends[tp] for tp in sources})
        machines: dict[int, Machine] = {}
        for tp in sources:
            reader = TableReader(self.tables, tp.partition)
            machine = machines[tp.partition] = self._machine(tp.partition, reader)
            self.progress.read_on(tp.partition, position(tp, machine.offset, earliest[tp], ends[tp]))
            self._identity.check(tp, topic_id, reader)
            machine.caught_up_at(ends[tp])
            await asyncio.sleep(0)
        return machines

    def _machine(self, partition: int, reader: Reader) -> Machine:
        """Return a restored machine; one that cannot read its rows says why."""
        try:
            return self.create(partition, reader)
        except ValueError as error:
            raise BatchError(f"the stored state does not fit: {error}") from error

    async def _read_gap(self, topic: str, partition: int, start: int, end: int) -> Any:
        return await read_gap(self.new_plain_consumer, topic, partition, start, end)

    def _measure(self) -> None:
        self.progress.measure(self.metrics.records)
        self.metrics.lag = {
            partition: self.progress.lag(partition, machine.offset) for partition, machine in self.machines.items()
        }
        self.metrics.queued_batches = self._stream.channel.queue.qsize() if self._stream is not None else 0
        self.metrics.pending_batches = sum(map(len, self._pending.values()))
        self.metrics.pending_records = sum(self._pending_records.values())
        self.report(self.metrics.snapshot())
