"""What the level topics say, read as any consumer reads them: the newest revision of a key wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import TopicPartition

from app.domain.contracts import WindowKind
from app.errors import GridtwinError
from app.kafka.clients import Patience, consumer, topic_partitions

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
        """Read on to where the topics end now; return how many rows came."""
        before = self.records
        async with consumer(self.broker) as client:
            tps = [tp for topic in self.topics for tp in await topic_partitions(client, topic)]
            client.assign(tps)
            ends = await client.end_offsets(tps)
            missing = {tp for tp in tps if self._positions.get(tp, 0) < ends[tp]}
            for tp in missing & self._positions.keys():
                client.seek(tp, self._positions[tp])
            patience = Patience(self.broker)
            while missing:
                for records in patience.see(await client.getmany(*missing, timeout_ms=POLL_MS)).values():
                    self._take(records)
                for tp in list(missing):
                    self._positions[tp] = await client.position(tp)
                    if self._positions[tp] >= ends[tp]:
                        missing.discard(tp)
        return self.records - before

    def _take(self, records: list[Any]) -> None:
        for record in records:
            if record.value is None or record.key.endswith(LIVE):
                continue
            self.records += 1
            row = _row(record)
            key = (row.node, row.window_start_ms)
            held = self.rows.get(key)
            if held is None or row.revision >= held.revision:
                self.rows[key] = row


def _row(record: Any) -> Row:
    try:
        return _decode(record.value)
    except msgspec.MsgspecError as error:
        where = f"{record.topic}, partition {record.partition}, offset {record.offset}"
        raise GridtwinError(f"{where} is not a window aggregate ({error}); who else writes there?") from error
