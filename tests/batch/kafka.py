"""What the driver's tests do to Kafka, and read of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from app.kafka.admin import admin, create_topics
from app.kafka.clients import BatchPublisher, end_offsets, read_to_end
from app.topics import TopicSpec
from tests.batch.counting import KEY_PREFIX, Setup

CLEANED_AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "delete.retention.ms": "0",
}
PATIENCE_S = 90.0
Amounts = Sequence[tuple[str, int | None]]


def new_name() -> str:
    """Return a name for the topics of one test."""
    return f"t{secrets.token_hex(4)}"


async def make_topics(
    setup: Setup,
    *,
    source: Mapping[str, str] = {},
    output: Mapping[str, str] = {},
    changelog: Mapping[str, str] = {},
) -> None:
    """Make the source, the output and the changelog of a setup, those of them that are missing."""
    compact = {"cleanup.policy": "compact", **changelog}
    configs = [(setup.source, dict(source)), (setup.output, dict(output)), (setup.changelog, compact)]
    await create_topics(setup.broker, [TopicSpec(name, setup.partitions, 1, config) for name, config in configs])


async def delete_topics(setup: Setup, *topics: str) -> None:
    async with admin(setup.broker) as client:
        await client.delete_topics(list(topics))


async def publish(setup: Setup, partition: int, amounts: Amounts, *, batch: int = 1000) -> None:
    """Publish amounts by key to a partition of the source, so many a batch; None forgets a key."""
    messages = [(key.encode(), b"" if amount is None else b"%d" % amount, (), None) for key, amount in amounts]
    async with BatchPublisher(setup.broker) as publisher:
        for start in range(0, len(messages), batch):
            await publisher.publish(setup.source, partition, messages[start : start + batch])


async def publish_compressed(setup: Setup, codec: str | None, amounts: Amounts) -> None:
    """Publish amounts by key to partition 0 of the source, in one batch of a codec."""
    producer = AIOKafkaProducer(bootstrap_servers=setup.broker, compression_type=codec, max_batch_size=1 << 20)
    await producer.start()
    try:
        batch = producer.create_batch()
        for key, amount in amounts:
            assert batch.append(key=key.encode(), value=b"%d" % (amount or 0), timestamp=None)
        await (await producer.send_batch(batch, setup.source, partition=0))
    finally:
        await producer.stop()


async def records(broker: str, topic: str, partition: int | None = None) -> list[Any]:
    partitions = None if partition is None else [partition]
    return [record async for record in read_to_end(broker, topic, partitions)]


async def said(setup: Setup) -> dict[str, int]:
    """Return the totals as a consumer knows them: of each key the newest version, wherever it stands."""
    newest: dict[bytes, tuple[int, int]] = {}
    for record in await records(setup.broker, setup.output):
        version, total = map(int, record.value.split())
        if version >= newest.get(record.key, (-1, 0))[0]:
            newest[record.key] = version, total
    return {key.decode(): total for key, (_, total) in newest.items()}


async def remembered(setup: Setup) -> dict[str, int]:
    """Return the totals as the changelog holds them: of each key the last row."""
    last = {record.key: record.value for record in await records(setup.broker, setup.changelog)}
    return {key[1:].decode(): int(row[8:]) for key, row in last.items() if key.startswith(KEY_PREFIX) and row}


async def committed(setup: Setup) -> dict[int, int]:
    """Return the offsets that the group has committed for the source."""
    async with admin(setup.broker) as client:
        offsets = await client.list_consumer_group_offsets(setup.name)
    return {tp.partition: meta.offset for tp, meta in offsets.items() if tp.topic == setup.source and meta.offset >= 0}


async def commit(setup: Setup, offsets: Mapping[int, int]) -> None:
    """Commit offsets in place of the group, which must have no member."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(bootstrap_servers=setup.broker, group_id=setup.name, enable_auto_commit=False)
    await consumer.start()
    try:
        tps = {TopicPartition(setup.source, partition): offset for partition, offset in offsets.items()}
        consumer.assign(list(tps))
        await consumer.commit(tps)
    finally:
        await consumer.stop()


async def publish_transactions(setup: Setup, topic: str, transactions: Sequence[Amounts]) -> None:
    """Publish each list in a transaction of its own: a marker takes the offset behind it."""
    producer = AIOKafkaProducer(bootstrap_servers=setup.broker, transactional_id=new_name())
    await producer.start()
    try:
        for amounts in transactions:
            async with producer.transaction():
                for key, amount in amounts:
                    await producer.send(topic, b"%d" % (amount or 0), key=key.encode(), partition=0)
    finally:
        await producer.stop()


async def is_committed(setup: Setup) -> bool:
    """Whether the group has committed the source to its end."""
    return await committed(setup) == await end_offsets(setup.broker, setup.source)


async def until_committed(setup: Setup) -> None:
    """Wait until it has."""
    deadline = time.monotonic() + PATIENCE_S
    while not await is_committed(setup):
        assert time.monotonic() < deadline, await committed(setup)
        await asyncio.sleep(0.1)


async def delete_records(setup: Setup, topic: str, before: int) -> None:
    """Make partition 0 of a topic begin at an offset, as retention does."""
    async with admin(setup.broker) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before)})
