"""Reads every topic of the view, outside any group, from where the view left off."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from app.query.store import Offsets
from app.topics import REJECTED, TOPOLOGY_NODE, TOPOLOGY_SITE, TWIN_TRANSITIONED, TWIN_UPDATED

FIXED = (TOPOLOGY_NODE, TOPOLOGY_SITE, TWIN_UPDATED, TWIN_TRANSITIONED, REJECTED)
LEVEL = re.compile(r"vpp\.aggregate\.[^.].*\.v1")
LOOK_EVERY_S = 5.0
POLL_MS = 200
RECORDS = 500
"""In one go: between two the loop serves answers."""

log = logging.getLogger(__name__)


class Taker(Protocol):
    """What takes in the records that are read."""

    @property
    def offsets(self) -> Offsets: ...

    def take(self, records: list[Any], offsets: Offsets) -> None: ...

    def begin_again(self) -> None: ...


class Source:
    """Follows the topics, new levels' too, and knows how far behind it is."""

    def __init__(self, client: Any, taker: Taker, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._taker = taker
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._looked_s = 0.0
        self.is_ready = False
        self.caught_up_ms = 0

    async def start(self) -> None:
        """Take up every topic that there is; what is in them now has to be read before the view is ready."""
        await self._look(is_start=True)

    async def read(self) -> int:
        """Read on; return how many records came."""
        if time.monotonic() - self._looked_s > LOOK_EVERY_S:
            await self._look()
        try:
            fetched = await self._client.getmany(timeout_ms=POLL_MS, max_records=RECORDS)
        except OffsetOutOfRangeError:
            log.warning("the topics no longer hold what would be read next")
            await self._look(is_start=True)
            return 0
        records = [record for part in fetched.values() for record in part]
        if records:
            self._take(records)
        self._note_end()
        return len(records)

    @property
    def behind_records(self) -> int:
        """Return how many records are known to be there and not yet read."""
        return sum(max(0, self._end(tp) - position) for tp, position in self._positions.items())

    def behind(self, topic: str, partition: int) -> int | None:
        """Return how many records of one partition are not yet read; None where there is none."""
        tp = TopicPartition(topic, partition)
        return max(0, self._end(tp) - self._positions[tp]) if tp in self._positions else None

    def _take(self, records: list[Any]) -> None:
        offsets: Offsets = {}
        for record in records:
            offsets.setdefault(record.topic, {})[record.partition] = record.offset + 1
            self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        self._taker.take(records, offsets)

    def _end(self, tp: TopicPartition) -> int:
        return max(self._client.highwater(tp) or 0, self._ends.get(tp, 0))

    def _note_end(self) -> None:
        is_at_end = self.behind_records == 0
        if is_at_end:
            self.caught_up_ms = int(self._clock() * 1000)
        if not self.is_ready and is_at_end:
            self.is_ready = True
            log.info("the view is ready")

    async def _look(self, *, is_start: bool = False) -> None:
        """Take up topics that are new, all of them at the start."""
        self._looked_s = time.monotonic()
        # What the consumer itself knows is only what it was assigned before.
        cluster = await self._client._client.fetch_all_metadata()
        names = sorted(name for name in cluster.topics() if name in FIXED or LEVEL.fullmatch(name))
        tps = [TopicPartition(name, part) for name in names for part in cluster.partitions_for_topic(name) or ()]
        if not is_start and set(tps) <= self._positions.keys():
            return
        ends = await self._client.end_offsets(tps)
        begins = await self._client.beginning_offsets(tps)
        if any(self._held(tp) > ends[tp] for tp in tps):
            self._begin_again(ends)
        self._client.assign(tps)
        for tp in tps:
            self._positions[tp] = self._where(tp, begins[tp])
            self._client.seek(tp, self._positions[tp])
        self._ends = dict(ends)
        log.info("reading %s topics, %s records behind", len(names), self.behind_records)

    def _held(self, tp: TopicPartition) -> int:
        return self._taker.offsets.get(tp.topic, {}).get(tp.partition, 0)

    def _begin_again(self, ends: dict[TopicPartition, int]) -> None:
        tp, end = next((tp, end) for tp, end in ends.items() if self._held(tp) > end)
        log.warning("%s, partition %s, was read up to %s, but ends at %s: the topic was made again; building the view "
                    "again", tp.topic, tp.partition, self._held(tp), end)  # fmt: skip
        self.is_ready = False
        self._taker.begin_again()

    def _where(self, tp: TopicPartition, begin: int) -> int:
        held = self._held(tp)
        if 0 < held < begin:
            log.warning("%s, partition %s: records %s to %s are gone by retention; the view is without them",
                        tp.topic, tp.partition, held, begin - 1)  # fmt: skip
        return max(held, begin)
