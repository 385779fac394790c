"""Writes topology: nodes before the sites below them, and removed in the opposite order."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app import topics
from app.domain.contracts import NodeRecord, SiteRecord
from app.kafka.clients import BatchPublisher, Message, partition_of

Change = tuple[str, bool, NodeRecord | SiteRecord | None]
"""Id, whether it is a node, and its record; none removes it."""

_encode = msgspec.json.Encoder().encode


async def write_topology(publisher: BatchPublisher, changes: Iterable[Change], partitions: int) -> None:
    """Write records and wait for each sort of them before the next."""
    sorts: list[dict[int, list[Message]]] = [{}, {}, {}]
    for name, is_node, record in changes:
        key = name.encode()
        home = 0 if is_node else partition_of(key, partitions)
        place = 1 if not is_node else 2 if record is None else 0
        value = None if record is None else _encode(record)
        sorts[place].setdefault(home, []).append((key, value, (), None))
    for place, homes in enumerate(sorts):
        topic = topics.TOPOLOGY_SITE if place == 1 else topics.TOPOLOGY_NODE
        for home, messages in homes.items():
            await publisher.publish(topic, home, messages)
        await publisher.flush()
