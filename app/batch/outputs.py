"""What a flush gives to the broker: messages in their topics, rows in their changelogs and then on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from app.batch.application import BatchApp
from app.batch.crash import reach
from app.batch.machine import Outgoing
from app.batch.metrics import Metrics
from app.batch.producer import BatchProducer
from app.batch.table import BatchTable, Row


class Outputs:
    """Writes what a machine gave out, and returns when the broker has acknowledged all of it."""

    def __init__(self, app: BatchApp, tables: Mapping[str, BatchTable], metrics: Metrics) -> None:
        self.app = app
        self.tables = tables
        self.metrics = metrics

    async def remember(self, partition: int, stages: Sequence[tuple[str, list[Row]]]) -> None:
        """Write rows, each stage acknowledged and on disk before the next is sent."""
        for table, rows in stages:
            if rows:
                await self.tables[table].write(partition, rows, self.metrics)

    async def say(self, outgoing: list[Outgoing]) -> None:
        """Send messages; takes them out of *outgoing*."""
        producer: BatchProducer = self.app.producer  # type: ignore[assignment]
        grouped: dict[tuple[str, int], list[Any]] = {}
        for topic, partition, messages in outgoing:
            grouped.setdefault((topic, partition), []).extend(messages)
            self.metrics.messages += len(messages)
        outgoing.clear()  # what was said is in memory twice from here on, as long as it is sent
        with self.metrics.phase("encode"):
            built = [(*where, producer.build(grouped.pop(where), where[0])) for where in list(grouped)]
        sent = [
            await producer.send_built(topic, partition, one) for topic, partition, batches in built for one in batches
        ]
        for topic, _, _ in built:
            reach("flush.queued")
            reach(f"flush.queued/{topic}")
        await asyncio.gather(*sent)
