"""Records of a plant's topics, written one by one and read whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from app.kafka.clients import end_offsets, partition_of, read_to_end
from app.kafka.security import connection
from app.topics import TELEMETRY, TOPOLOGY_NODE, TOPOLOGY_SITE
from tests.system.plant import Plant


class Record(NamedTuple):
    """A record for telemetry; *partition* None means where its key belongs."""

    key: bytes | None
    value: bytes | None
    at_ms: int | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Place(NamedTuple):
    """Where a record of telemetry lies."""

    partition: int
    offset: int


def home_of(plant: Plant, key: bytes) -> int:
    return partition_of(key, plant.settings.partitions)


def publish(plant: Plant, records: Iterable[Record]) -> list[Place]:
    """Publish telemetry in order and return where each record lies."""

    async def send() -> list[Place]:
        producer = AIOKafkaProducer(
            **connection(plant.settings.broker), acks="all", max_request_size=8 << 20, max_batch_size=6 << 20
        )
        await producer.start()
        try:
            return [await _send(plant, producer, one) for one in records]
        finally:
            await producer.stop()

    return asyncio.run(send())


async def _send(plant: Plant, producer: Any, record: Record) -> Place:
    """As a batch of its own, which may hold what a single `send` refuses: neither key nor value."""
    partition = home_of(plant, record.key or b"") if record.partition is None else record.partition
    batch = producer.create_batch()
    batch.append(key=record.key, value=record.value, timestamp=record.at_ms, headers=list(record.headers))
    batch.close()
    sent = await (await producer.send_batch(batch, TELEMETRY, partition=partition))
    return Place(partition, sent.offset)


def apply(plant: Plant, members: Mapping[str, object], *, topic: str) -> None:
    """Write topology as it is given: bytes as they are, None as a tombstone, anything else as JSON."""

    async def send() -> None:
        producer = AIOKafkaProducer(**connection(plant.settings.broker), acks="all")
        await producer.start()
        try:
            for name, record in members.items():
                key = name.encode()
                partition = 0 if topic == TOPOLOGY_NODE else home_of(plant, key)
                await producer.send_and_wait(topic, _encode(record), key=key, partition=partition)
        finally:
            await producer.stop()

    asyncio.run(send())


def apply_nodes(plant: Plant, nodes: Mapping[str, object]) -> None:
    apply(plant, nodes, topic=TOPOLOGY_NODE)


def apply_sites(plant: Plant, sites: Mapping[str, object]) -> None:
    apply(plant, sites, topic=TOPOLOGY_SITE)


def _encode(record: object) -> bytes | None:
    return record if record is None or isinstance(record, bytes) else msgspec.json.encode(record)


def a_reading(device: str, at_ms: int, power_w: object = 1, **more: object) -> bytes:
    """Return a reading as JSON; a field given as `...` is left out."""
    fields = {"device": device, "measured_at_ms": at_ms, "active_power_w": power_w, **more}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def ends_of(plant: Plant, *topics: str) -> list[dict[int, int]]:
    """Return where the partitions of topics end now."""
    return [asyncio.run(end_offsets(plant.settings.broker, topic)) for topic in topics]


def everything_in(plant: Plant, topic: str) -> list[Any]:
    """Read a topic from its beginning to where it ends now."""

    async def read() -> list[Any]:
        return [record async for record in read_to_end(plant.settings.broker, topic)]

    return asyncio.run(read())
