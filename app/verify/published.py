"""What the level topics say, read as any consumer reads them: the newest revision of a key wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from aiokafka import TopicPartition

from app.domain.contracts import WindowKind
from app.kafka.clients import consumer, topic_partitions

POLL_MS = 300

Key = tuple[str, int]
"""Node or site, and window start in milliseconds."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """The fields of a window aggregate, of a node's or a site's, that are compared."""

    node: str
    window_start_ms: int
    revision: int
    status: str
    kinds: dict[str, WindowKind]
    state_of_charge_wh: dict[str, int] = {}


class Published(NamedTuple):
    """A row and how many bytes and records it took to come to it."""

    rows: dict[Key, Row]
    records: int


_decode = msgspec.json.Decoder(Row).decode
LIVE = b"|live"


class Reader:
    """Follows topics from their beginning and holds the current row of every key."""

    def __init__(self, broker: str, topics: Iterable[str]) -> None:
        self.broker = broker
        self.topics = list(topics)
        self.rows: dict[Key, Row] = {}
        self.records = 0
        self._positions: dict[TopicPartition, int] = {}

    async def read(self) -> int:
        """Read on to where the topics end now; return how many records came."""
        before = self.records
        async with consumer(self.broker) as client:
            tps = [tp for topic in self.topics for tp in await topic_partitions(client, topic)]
            client.assign(tps)
            ends = await client.end_offsets(tps)
            missing = {tp for tp in tps if self._positions.get(tp, 0) < ends[tp]}
            for tp in missing:
                if tp in self._positions:
                    client.seek(tp, self._positions[tp])
            while missing:
                for records in (await client.getmany(*missing, timeout_ms=POLL_MS)).values():
                    self._take(records)
                for tp in list(missing):
                    self._positions[tp] = await client.position(tp)
                    if self._positions[tp] >= ends[tp]:
                        missing.discard(tp)
        return self.records - before

    def _take(self, records: list[Any]) -> None:
        self.records += len(records)
        for record in records:
            if record.value is not None and not record.key.endswith(LIVE):
                row = _decode(record.value)
                key = (row.node, row.window_start_ms)
                held = self.rows.get(key)
                if held is None or row.revision >= held.revision:
                    self.rows[key] = row
