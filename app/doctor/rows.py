"""What workers last remembered of their partitions: the partition row, which ends every flush in a changelog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.site_rows import PARTITION_KEY
from app.kafka.clients import consumer, read_to_end, topic_partitions

FIRST_LOOK = 1_000
"""Records from the end; a flush of more rows takes a second, longer look."""
LONGER = 20


async def bounds(broker: str, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return where each partition of a topic begins and ends."""
    async with consumer(broker) as client:
        tps = await topic_partitions(client, topic)
        begins, ends = await client.beginning_offsets(tps), await client.end_offsets(tps)
        return {tp.partition: begins[tp] for tp in tps}, {tp.partition: ends[tp] for tp in tps}


async def last_rows(broker: str, changelog: str) -> dict[int, bytes]:
    """Return the newest partition row of each partition that has one."""
    begins, ends = await bounds(broker, changelog)
    found: dict[int, bytes] = {}
    missing = {partition for partition, end in ends.items() if end > begins[partition]}
    reach = FIRST_LOOK
    while missing:
        start = {partition: max(begins[partition], ends[partition] - reach) for partition in missing}
        found |= await _rows_from(broker, changelog, start)
        missing = {partition for partition in missing - found.keys() if start[partition] > begins[partition]}
        reach *= LONGER
    return found


async def _rows_from(broker: str, changelog: str, start: Mapping[int, int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    record: Any
    async for record in read_to_end(broker, changelog, start.keys(), start):
        if record.key == PARTITION_KEY and record.value is not None:
            found[record.partition] = record.value
    return found
