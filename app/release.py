"""Lets a site out of quarantine by its topology: its worker takes a newer record of it as its operator's word.

Nothing of a running worker's state is touched. The release is a record in a compacted topic: a worker that dies
before it has remembered it reads it again, and a worker that starts later finds it.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from aiokafka import AIOKafkaProducer

from app import topics
from app.errors import GridtwinError
from app.kafka.admin import require_topics
from app.kafka.clients import partition_of, read_to_end
from app.kafka.security import connection
from app.settings import Settings


async def release_site(settings: Settings, site: str) -> int:
    """Write the site's newest topology record once more and return its offset; raise if it has none."""
    await require_topics(settings.broker, {topics.TOPOLOGY_SITE: settings.partitions})
    key = site.encode()
    partition = partition_of(key, settings.partitions)
    newest = await _newest(settings.broker, partition, key, 0)
    if newest is None or newest.value is None:
        raise GridtwinError(f"{site!r} is not in {topics.TOPOLOGY_SITE}; apply its topology, which releases it, too")
    producer = AIOKafkaProducer(**connection(settings.broker), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        return await _write_over(settings.broker, producer, newest)
    finally:
        await producer.stop()


async def _write_over(broker: str, producer: Any, newest: Any) -> int:
    """An operator may have applied another record meanwhile: then that one is the newest, and is written again."""
    own: set[int] = set()
    held = newest
    while True:
        sent = await producer.send_and_wait(topics.TOPOLOGY_SITE, held.value, key=held.key, partition=held.partition)
        own.add(sent.offset)
        of_others = await _newest(broker, newest.partition, newest.key, newest.offset, skip=own)
        if of_others is None or of_others.value == held.value:
            return int(sent.offset)
        held = of_others


async def _newest(broker: str, partition: int, key: bytes, start: int, *, skip: Set[int] = frozenset()) -> Any:
    newest = None
    async for record in read_to_end(broker, topics.TOPOLOGY_SITE, [partition], {partition: start}):
        if record.key == key and record.offset not in skip:
            newest = record
    return newest
