"""Faust's producer, a batch at a time: whole record batches to explicit partitions."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.transport.drivers import aiokafka as driver

from app.batch.errors import BatchError
from app.batch.machine import Message
from app.batch.part import batch_app
from app.batch.watched import watch_producer

FULL_BATCH_BYTES = 900_000
MAX_BATCH_BYTES = 6 << 20
MESSAGE_OVERHEAD_BYTES = 64
HEADER_OVERHEAD_BYTES = 10
NO_HEADERS: list[tuple[str, bytes]] = []
Sent = Awaitable[tuple[int, int]]


class BatchProducer(driver.Producer):
    """Sends whole record batches to explicit partitions, idempotently, acknowledged by all replicas."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        await super().on_start()
        self._places: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        watch_producer(self._ensure_producer())

    def build(self, messages: Iterable[Message], topic: str) -> list[tuple[BatchBuilder, int]]:
        """Return messages packed into as few batches as they fit, each with its count; a large one goes alone."""
        new_batch = self._ensure_producer().create_batch
        built: list[tuple[BatchBuilder, int]] = []
        batch, count, size = new_batch(), 0, 0
        for key, value, headers in messages:
            needed = MESSAGE_OVERHEAD_BYTES + len(key or b"") + len(value or b"") + _size_of(headers)
            if count and size + needed > FULL_BATCH_BYTES:
                built.append(_closed(batch, count))
                batch, count, size = new_batch(), 0, 0
            if needed > MAX_BATCH_BYTES:
                raise BatchError(_too_large(topic, key, value))
            # `append` of the batch comes to this and costs a microsecond a message instead of a third.
            batch._builder.append(count, None, key, value, list(headers) if headers else NO_HEADERS)
            count, size = count + 1, size + needed
        if count:
            built.append(_closed(batch, count))
        return built

    async def send_built(self, topic: str, partition: int, built: tuple[BatchBuilder, int]) -> Sent:
        """Queue a batch; await the result for its base offset and count."""
        batch, count = built
        # A partition queues one batch. Of several that wait for its place the client wakes all with each that goes,
        # and takes from the timeout of those that stay all that they have waited, each time: a few seconds are 30.
        async with self._places[topic, partition]:
            future = await self._queue(topic, partition, batch)
        return _acknowledged(future, count, topic, partition)

    async def _queue(self, topic: str, partition: int, batch: BatchBuilder) -> Awaitable[Any]:
        await batch_app(self).batch_processor.fence.passed()
        producer = self._ensure_producer()
        # A client that once asked for the whole cluster asks for no topic that it saw there. When it then meets a new
        # one, it asks for that alone and forgets the others; what is queued for them would find no leader.
        producer.client.add_topic(topic)
        with _answered(topic, partition):
            future: Awaitable[Any] = await producer.send_batch(batch, topic, partition=partition)
        return future


def _closed(batch: BatchBuilder, count: int) -> tuple[BatchBuilder, int]:
    batch._relative_offset = count
    batch.close()
    return batch, count


def _size_of(headers: Sequence[tuple[str, bytes]]) -> int:
    """Return what headers take of a batch at most."""
    return sum(HEADER_OVERHEAD_BYTES + 4 * len(name) + len(content) for name, content in headers) if headers else 0


async def _acknowledged(future: Awaitable[Any], count: int, topic: str, partition: int) -> tuple[int, int]:
    with _answered(topic, partition):
        metadata = await future
    return metadata.offset, count


@contextmanager
def _answered(topic: str, partition: int) -> Iterator[None]:
    try:
        yield
    except KafkaTimeoutError as error:
        raise BatchError(f"{topic}/{partition} took nothing within the request timeout: the broker does not answer; "
                         "nothing is lost, start again", topic=topic, partition=partition) from error  # fmt: skip
    except KafkaError as error:
        raise BatchError(f"{topic}/{partition} refused what was written ({error!r}); nothing is lost: let it take that "
                         "and start again", topic=topic, partition=partition) from error  # fmt: skip


def _too_large(topic: str, key: bytes | None, value: bytes | None) -> str:
    return (
        f"a message of {len(value or b'')} bytes for {topic}, key {key!r}, is larger than a batch may be; "
        "raise producer_max_batch_size and the topic's max.message.bytes, or find out why it grew"
    )
