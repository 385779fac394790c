"""Where sources begin and end, and where a restored machine reads on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from app.batch.errors import BatchError
from app.batch.farewell import part
from app.batch.identity import topic_id


class Bounds(NamedTuple):
    """Where the partitions of a source begin and end, and the id of the topic."""

    earliest: dict[Any, int]
    ends: dict[Any, int]
    topic_id: bytes | None


async def bounds(new_consumer: Callable[[], AIOKafkaConsumer], sources: list[TP]) -> Bounds:
    """Return the bounds of partitions of one topic. Asked outside the group: its consumer answers a heartbeat later."""
    if not sources:
        return Bounds({}, {}, None)  # a consumer that is stopped before it had anything to do raises CancelledError
    consumer = new_consumer()
    await consumer.start()
    try:
        tps = [TopicPartition(*tp) for tp in sources]
        earliest, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return Bounds(earliest, ends, await topic_id(consumer, sources[0].topic))
    finally:
        await part(consumer)


def position(tp: TP, offset: int, earliest: int, end: int) -> int:
    """Return where to read on, or refuse: skipping in silence would be a wrong number."""
    if offset == -1:
        return earliest
    if offset + 1 < earliest:
        raise BatchError(
            f"{tp.topic}/{tp.partition} begins at {earliest}, but the state needs it from {offset + 1} on: retention "
            "removed records that were not folded; reset the state of both applications, or restore the records",
            topic=tp.topic,
            partition=tp.partition,
            offset=offset + 1,
        )
    if offset + 1 > end:
        raise BatchError(
            f"{tp.topic}/{tp.partition} ends at {end}, but the state has folded it up to {offset}: the topic was made "
            "again; reset the state of both applications (docs/operations.md, Reset)",
            topic=tp.topic,
            partition=tp.partition,
            offset=offset,
        )
    return offset + 1
