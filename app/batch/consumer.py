"""Faust's consumer, a batch at a time: one event per fetched batch, one acknowledgement per batch."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from app.batch.crash import reach
from app.batch.errors import BatchError, die
from app.batch.lean import lean
from app.batch.part import batch_app
from app.batch.watched import watch_member

POLL_S = 1.0
FETCH_WAIT_MS = 100
"""A partition joins the next fetch only when the present one returns: a long wait for one holds up the others."""


class BatchMessage(ConsumerMessage):
    """The records of one fetch from one partition; its offset is that of the last of them."""

    __slots__ = ("first_offset", "records")

    first_offset: int
    records: Sequence[Any]


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Lets the fence know of every heartbeat that the group accepted, by when it was sent."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._key_deserializer = lean
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        coordinator, fence = self._ensure_consumer()._coordinator, batch_app(self).batch_processor.fence
        heartbeat = coordinator._do_heartbeat

        async def noted() -> bool:
            sent_s = time.monotonic()
            is_member: bool = await heartbeat()
            if is_member:
                fence.beat(sent_s)
            return is_member

        coordinator._do_heartbeat = noted
        watch_member(self._ensure_consumer())

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Flush and let go. aiokafka only logs what this raises, so it must not raise."""
        try:
            await super().on_partitions_revoked(revoked)
        except Exception as error:
            die(error)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take over. Changelogs are paused: recovery reads them, here they would only fill memory."""
        try:
            batch_app(self).batch_processor.fence.beat(time.monotonic())
            changelogs = [TopicPartition(*tp) for tp in assigned if tp.topic in self.app.tables.changelog_topics]
            self._ensure_consumer().pause(*changelogs)
            await super().on_partitions_assigned(assigned, generation_id)
        except Exception as error:
            die(error)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Judge sources only: changelogs are paused, so that nothing was fetched of them is no error."""
        if tp.topic not in self.app.tables.changelog_topics:
            super().verify_event_path(now, tp)

    def is_member_of(self, generation: int) -> bool:
        """Whether the group still counts this worker in the generation that assigned its partitions."""
        return bool(self._ensure_consumer()._coordinator.generation == generation)


class BatchConsumer(driver.Consumer):
    """Delivers batches, and commits only the acknowledged prefix of what was delivered.

    A partition is delivered from where its machine was restored, without a hole: a batch that was fetched but
    not delivered is fetched again, and what was fetched before a seek is never delivered after it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._settled: defaultdict[TP, set[int]] = defaultdict(set)
        self._next: dict[TP, int] = {}
        self._skipped: set[TP] = set()
        self._seeks = 0
        self._has_room = asyncio.Event()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def is_member(self) -> bool:
        """Whether no newer generation of the group can have begun without this worker."""
        thread: Any = self._thread
        return bool(thread.is_member_of(self.app.consumer_generation_id))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            self._delivered.pop(tp, None)
            self._settled.pop(tp, None)
            self._next.pop(tp, None)
            self._committed_offset.pop(tp, None)

    async def wait_empty(self) -> None:
        """Flush what was folded, then commit; what was only fetched will be fetched again."""
        await batch_app(self).batch_processor.settle()
        await self.commit()

    async def _commit(self, offsets: Any) -> bool:
        reach("commit.begun")
        is_done: bool = await super()._commit(offsets)
        reach("commit.ended")
        return is_done

    async def perform_seek(self) -> None:
        """Seek every source to what its machine holds: commits only show lag."""
        positions = batch_app(self).batch_processor.progress.positions(self.assignment())
        self._forget(positions)
        if positions:
            await self._seek_all(positions)
            self._next |= positions

    async def _seek_all(self, positions: dict[TP, int]) -> None:
        """Seek; whatever was being fetched before the seek or during it does not count."""
        self._seeks += 1
        await self.seek_wait(positions)
        self._seeks += 1

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._settled) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        delivered, settled = self._delivered[tp], self._settled[tp]
        new = None
        while delivered and delivered[0] in settled:
            last = delivered.popleft()
            settled.discard(last)
            new = last + 1
        return new

    def ack(self, message: Any) -> bool:
        """Acknowledge a batch; only those still delivered to the present owner count."""
        if message.offset not in self._delivered.get(message.tp, ()):
            return False
        message.acked = True
        self._settled[message.tp].add(message.offset)
        return True

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._deliver_next()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise
        except Exception as error:
            die(error)

    def on_buffer_drop(self, tp: TP) -> None:
        super().on_buffer_drop(tp)
        self._has_room.set()

    async def _wait_room(self) -> None:
        """Wait until a batch was folded. Faust sleeps a second instead once the queue is full for every partition."""
        self._has_room.clear()
        await self.wait_first(self._has_room.wait(), self.suspend_flow.wait(), timeout=POLL_S)

    async def _deliver_next(self) -> None:
        if self._skipped and self.flow_active:
            await self._seek_skipped()
        if self.flow_active and self._buffered_partitions and not self._get_active_partitions():
            await self._wait_room()
            return
        seeks = self._seeks
        records, active = await self._wait_next_records(POLL_S)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            await asyncio.sleep(0)
            return
        for fetched, batch in records.items():
            tp = ensure_TP(fetched)
            is_current = self.flow_active and seeks == self._seeks and generation == self.app.consumer_generation_id
            if is_current and (active is None or tp in active or tp in self._buffered_partitions):
                await self._deliver(tp, batch, generation)
            else:
                self._skipped.add(tp)

    async def _seek_skipped(self) -> None:
        positions = {tp: self._next[tp] for tp in self._skipped if tp in self._next}
        self._skipped.clear()
        try:
            if positions:
                await self._seek_all(positions)
        except IllegalStateError:
            return  # revoked meanwhile; recovery seeks

    async def _deliver(self, tp: TP, records: Sequence[Any], generation: int) -> None:
        position = self._next.get(tp)
        if position is None or not records:
            return
        if records[0].offset != position:
            await self._check_hole(tp, position, records[0].offset)
        message = BatchMessage(
            tp.topic, tp.partition, records[-1].offset, records[-1].timestamp / 1000.0, 0,
            None, None, None, None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip
        message.first_offset, message.records = records[0].offset, records
        if self.app.topics.acks_enabled_for(tp.topic):
            self._delivered[tp].append(message.offset)
        self._next[tp] = message.offset + 1
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    async def _check_hole(self, tp: TP, position: int, offset: int) -> None:
        """Let pass what compaction and transactions leave out; refuse what a reset of the position left out."""
        if offset < position:
            raise BatchError(
                f"{tp.topic}/{tp.partition} gave offset {offset} where {position} was due: the topic was made again, "
                "or lost its end; start again, which tells more",
                topic=tp.topic,
                partition=tp.partition,
                offset=position,
            )
        begin = (await self.earliest_offsets(tp))[tp]
        if begin > position:
            raise BatchError(
                f"{tp.topic}/{tp.partition} now begins at {begin}, {position} was due: retention removed records that "
                "were not folded; reset the state, or restore the records",
                topic=tp.topic,
                partition=tp.partition,
                offset=position,
            )
