"""Reads every topic of the view, outside any group, from where the view left off."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from app.generation import ROOT
from app.query.store import DamagedError, Offsets
from app.topics import REJECTED, TOPOLOGY_NODE, TOPOLOGY_SITE, TWIN_CHANGELOG, TWIN_TRANSITIONED, TWIN_UPDATED

FIXED = (TOPOLOGY_NODE, TOPOLOGY_SITE, TWIN_UPDATED, TWIN_TRANSITIONED, TWIN_CHANGELOG, REJECTED)
LEVEL = re.compile(rf"{ROOT}\.aggregate\.[^.].*\.v1")
LOOK_EVERY_S = 2.0
POLL_MS = 200
RECORDS = 500
"""In one go: between two the loop serves answers."""
LIVE_RECORDS = 100
"""The same once it is ready: somebody waits for an answer then."""

log = logging.getLogger(__name__)


class Taker(Protocol):
    """What takes in the records that are read."""

    @property
    def offsets(self) -> Offsets: ...

    def take(self, records: list[Any], offsets: Offsets) -> None: ...

    def begin_again(self, *, is_damaged: bool = False) -> None: ...


class Source:
    """Follows the topics, new levels' too, and knows how far behind it is."""

    def __init__(self, client: Any, taker: Taker, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        """None until Kafka answers for the first time."""
        self._taker = taker
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._looked_s = 0.0
        self._goal_ms: int | None = None
        self._damage: DamagedError | None = None
        self.is_ready = False
        self.caught_up_ms = 0
        """When everything had been read that there was then."""
        self.unreachable = "Kafka has not answered yet"

    @property
    def trouble(self) -> str:
        """Return why there are no answers yet."""
        if self.client is None:
            return self.unreachable
        return f"the view is being read, {self.behind_records} records behind"

    async def start(self) -> None:
        """Take up every topic that there is; what is in them now has to be read before the view is ready."""
        await self._look(is_start=True)

    def note_damage(self, error: DamagedError) -> None:
        """Have the view built again: there are no answers from now on until it is."""
        self.is_ready = False
        self._damage = error

    async def read(self) -> int:
        """Read on; return how many records came."""
        try:
            if self._damage is not None:
                await self._mend()
            return await self._read()
        except DamagedError as error:
            self.note_damage(error)
            return 0

    async def _mend(self) -> None:
        log.error("the view cannot be read: %s; building it again: check the disk", self._damage)
        self._taker.begin_again(is_damaged=True)
        self._damage = None
        await self._look(is_start=True)

    async def _read(self) -> int:
        if time.monotonic() - self._looked_s > LOOK_EVERY_S:
            await self._look()
        try:
            most = LIVE_RECORDS if self.is_ready else RECORDS
            fetched = await self.client.getmany(timeout_ms=POLL_MS, max_records=most)
        except OffsetOutOfRangeError:
            log.warning("the topics no longer hold what would be read next; going on where they begin, nothing to do")
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
        return max(self.client.highwater(tp) or 0, self._ends.get(tp, 0))

    def _note_end(self) -> None:
        """Note that the ends which were seen last are reached; under load, those of now never are."""
        if self._goal_ms is None or any(self._positions.get(tp, 0) < end for tp, end in self._ends.items()):
            return
        self.caught_up_ms, self._goal_ms = self._goal_ms, None
        if not self.is_ready and self._damage is None:
            self.is_ready = True
            log.info("the view is ready")

    async def _look(self, *, is_start: bool = False) -> None:
        """See where the topics end; take up those that are new, all of them at the start."""
        self._looked_s, at_ms = time.monotonic(), int(self._clock() * 1000)
        # What the consumer itself knows is only what it was assigned before.
        cluster = await self.client._client.fetch_all_metadata()
        names = sorted(name for name in cluster.topics() if name in FIXED or LEVEL.fullmatch(name))
        tps = [TopicPartition(name, part) for name in names for part in cluster.partitions_for_topic(name) or ()]
        ends = await self.client.end_offsets(tps)
        if self._goal_ms is None or is_start:
            self._goal_ms = at_ms
            self._ends = dict(ends)
        if not is_start and set(tps) <= self._positions.keys():
            return
        begins = await self.client.beginning_offsets(tps)
        if any(self._held(tp) > ends[tp] for tp in tps):
            self._begin_again(ends)
        self.client.assign(tps)
        for tp in tps:
            self._positions[tp] = self._where(tp, begins[tp])
            self.client.seek(tp, self._positions[tp])
        self._ends, self._goal_ms = dict(ends), at_ms
        log.info("reading %s topics, %s records behind", len(names), self.behind_records)

    def _held(self, tp: TopicPartition) -> int:
        return self._taker.offsets.get(tp.topic, {}).get(tp.partition, 0)

    def _begin_again(self, ends: dict[TopicPartition, int]) -> None:
        tp, end = next((tp, end) for tp, end in ends.items() if self._held(tp) > end)
        log.warning("%s, partition %s, was read up to %s, but ends at %s: the topic was made again; building the view "
                    "again, nothing to do", tp.topic, tp.partition, self._held(tp), end,
                    extra={"topic": tp.topic, "partition": tp.partition, "offset": end})  # fmt: skip
        self.is_ready = False
        self._taker.begin_again()

    def _where(self, tp: TopicPartition, begin: int) -> int:
        held = self._held(tp)
        if 0 < held < begin:
            log.warning("%s, partition %s: records %s to %s are gone by retention; the view is without them; delete "
                        "its directory to read what is there once more", tp.topic, tp.partition, held, begin - 1,
                        extra={"topic": tp.topic, "partition": tp.partition, "offset": begin})  # fmt: skip
        return max(held, begin)
