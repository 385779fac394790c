"""Faust's transport, a batch at a time: one event per fetched batch, one acknowledgement per batch."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import aiokafka.consumer.fetcher as aiokafka_fetcher
from aiokafka.errors import ConsumerStoppedError
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.serializers.schemas import Schema
from faust.transport import drivers
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from app.batch.errors import BatchError, die
from app.batch.machine import Message

if TYPE_CHECKING:
    from app.batch.application import BatchApp

SCHEME = "batchkafka"
POLL_S = 1.0
FULL_BATCH_BYTES = 900_000
MAX_BATCH_BYTES = 6 << 20
MESSAGE_OVERHEAD_BYTES = 64
Sent = Awaitable[tuple[int, int]]


class BatchMessage(ConsumerMessage):
    """The records of one fetch from one partition; its offset is that of the last of them."""

    __slots__ = ("first_offset", "records")

    first_offset: int
    records: Sequence[Any]


class BatchSchema(Schema[Any, Any]):
    """Hands a batch to the stream as it is; decoding is the machine's."""

    def compile(self, app: Any, **_: Any) -> Any:
        create_event = app.create_event

        async def decode(message: BatchMessage, *, propagate: bool = False) -> Any:
            del propagate
            return create_event(None, message.records, None, message)

        return decode


class BatchConsumer(driver.Consumer):
    """Delivers batches, and commits only the acknowledged prefix of what was delivered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._delivered.pop(tp, None)

    async def wait_empty(self) -> None:
        """Flush what was folded, then commit; what was only fetched will be fetched again."""
        await batch_app(self).batch_processor.settle()
        await self.commit()

    async def perform_seek(self) -> None:
        """Seek every source to what its machine holds: commits only show lag."""
        positions = batch_app(self).batch_processor.positions(self.assignment())
        for tp in positions:
            self._delivered.pop(tp, None)
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)
            self._committed_offset.pop(tp, None)
            self._read_offset.pop(tp, None)
        if positions:
            await self.seek_wait(positions)

    def _new_offset(self, tp: TP) -> int | None:
        delivered, acked = self._delivered[tp], self._acked_index[tp]
        self._acked[tp].clear()
        new = None
        while delivered and delivered[0] in acked:
            last = delivered.popleft()
            acked.discard(last)
            new = last + 1
        if new is not None:
            self._acked[tp] = []
        return new

    def ack(self, message: Any) -> bool:
        """Acknowledge a batch; only those still delivered to the present owner count."""
        if message.offset not in self._delivered[message.tp]:
            return False
        message.acked = True
        self._acked_index[message.tp].add(message.offset)
        self._acked[message.tp].append(message.offset)
        return True

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._deliver_next()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _deliver_next(self) -> None:
        records, active = await self._wait_next_records(POLL_S)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            await asyncio.sleep(0)
            return
        for fetched, batch in records.items():
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            tp = ensure_TP(fetched)
            if active is None or tp in active or tp in self._buffered_partitions:
                await self._deliver(tp, batch, generation)

    async def _deliver(self, tp: TP, records: Sequence[Any], generation: int) -> None:
        position = self._read_offset[tp]
        if position is not None and records[0].offset < position:
            records = [record for record in records if record.offset >= position]
        if not records:
            return
        message = BatchMessage(
            tp.topic, tp.partition, records[-1].offset, records[-1].timestamp / 1000.0, 0,
            None, None, None, None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip
        message.first_offset, message.records = records[0].offset, records
        if self.app.topics.acks_enabled_for(tp.topic):
            self._delivered[tp].append(message.offset)
        await self.wait_first(self.callback(message), self.suspend_flow.wait())
        self._read_offset[tp] = message.offset + 1


class BatchProducer(driver.Producer):
    """Sends whole record batches to explicit partitions, idempotently, acknowledged by all replicas."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def build(self, messages: Iterable[Message], topic: str) -> list[tuple[BatchBuilder, int]]:
        """Return messages packed into as few batches as they fit, each with its count; a large one goes alone."""
        producer = self._ensure_producer()
        built: list[tuple[BatchBuilder, int]] = []
        batch, count, size = producer.create_batch(), 0, 0
        for key, value, headers in messages:
            needed = len(key or b"") + len(value or b"") + MESSAGE_OVERHEAD_BYTES
            if count and size + needed > FULL_BATCH_BYTES:
                batch.close()
                built.append((batch, count))
                batch, count, size = producer.create_batch(), 0, 0
            if batch.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                raise BatchError(_too_large(topic, key, value))
            count, size = count + 1, size + needed
        if count:
            batch.close()
            built.append((batch, count))
        return built

    async def send_built(self, topic: str, partition: int, built: tuple[BatchBuilder, int]) -> Sent:
        """Queue a batch; await the result for its base offset and count."""
        batch_app(self).batch_processor.check_fence()
        batch, count = built
        future = await self._ensure_producer().send_batch(batch, topic, partition=partition)
        return _acknowledged(future, count)


async def _acknowledged(future: Awaitable[Any], count: int) -> tuple[int, int]:
    metadata = await future
    return metadata.offset, count


def _too_large(topic: str, key: bytes | None, value: bytes | None) -> str:
    return (
        f"a message of {len(value or b'')} bytes for {topic}, key {key!r}, is larger than a batch may be; "
        "raise producer_max_batch_size and the topic's max.message.bytes, or find out why it grew"
    )


class BatchTransport(driver.Transport):
    """Chosen by the URL scheme `batchkafka`."""

    Consumer = BatchConsumer
    Producer = BatchProducer
    driver_version = f"batch+{driver.Transport.driver_version}"


def _lean_record(self: Any, tp: Any, record: Any) -> Any:
    del self, tp
    return record


def install() -> None:
    """Register the transport; records stay aiokafka's own objects (a dataclass for each costs 0.5 us)."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:BatchTransport"
    aiokafka_fetcher.PartitionRecords._consumer_record = _lean_record


def batch_app(part: Any) -> BatchApp:
    """Return the application of a consumer or producer."""
    app: BatchApp = part.app
    return app


class Fence:
    """Stops a writer whose session may have ended: somebody else may own its partitions by now."""

    def __init__(self, session_s: float) -> None:
        self.session_s = session_s
        self._last_s = time.monotonic()

    def beat(self) -> None:
        """Note that the event loop turns and the group still counts this worker in."""
        self._last_s = time.monotonic()

    def check(self) -> None:
        """End the process if the last beat is too long ago."""
        silent_s = time.monotonic() - self._last_s
        if silent_s > self.session_s:
            die(BatchError(f"stood still for {silent_s:.1f} s, longer than its session of {self.session_s} s; restart"))
