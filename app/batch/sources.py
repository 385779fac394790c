"""Where sources begin and end, and where a restored machine reads on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from app.batch.errors import BatchError
from app.batch.farewell import part


async def bounds(
    new_consumer: Callable[[], AIOKafkaConsumer], sources: list[TP]
) -> tuple[dict[Any, int], dict[Any, int]]:
    """Return where sources begin and end. Asked outside the group: its consumer answers a heartbeat later."""
    if not sources:
        return {}, {}  # a consumer that is stopped before it had anything to do raises CancelledError
    consumer = new_consumer()
    await consumer.start()
    try:
        tps = [TopicPartition(*tp) for tp in sources]
        return await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
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
