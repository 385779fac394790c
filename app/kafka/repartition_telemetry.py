"""Copies telemetry: fetches, orders and publishes a turn at a time, and notes how far it is after each."""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition

from app.domain.units import MS_PER_S
from app.errors import GridtwinError
from app.kafka.clients import POLL_MS, Patience, topic_partitions
from app.kafka.repartition_course import NOT_STARTED, Course, Head, Merge
from app.kafka.repartition_progress import Progress, ProgressFile
from app.kafka.repartition_turn import Turn
from app.settings import Settings
from app.topics import TELEMETRY


class TelemetryCopy:
    """One run over telemetry, which goes on from what is held."""

    def __init__(self, settings: Settings, client: Any, turn: Turn, file: ProgressFile, held: Progress) -> None:
        self.course = Course(settings.partitions, held.partitions, round(settings.tick_s * MS_PER_S), held.ticked_ms)
        self._future_ms = settings.future_s * MS_PER_S
        self._patience = Patience(settings.broker)
        self._client, self._turn, self._file, self._held = client, turn, file, held
        self._tps: dict[int, Any] = {}
        self._begins: dict[int, int] = {}

    async def run(self) -> None:
        """Read first to where the run before meant to, in the same order; then to where telemetry ends now."""
        self._tps = {tp.partition: tp for tp in await topic_partitions(self._client, TELEMETRY)}
        tps = list(self._tps.values())
        self._client.assign(tps)
        ends = {tp.partition: end for tp, end in (await self._client.end_offsets(tps)).items()}
        self._begins = {tp.partition: at for tp, at in (await self._client.beginning_offsets(tps)).items()}
        if any(at > ends[partition] for partition, at in self._starts().items()):
            raise GridtwinError(f"{TELEMETRY} was made again since a copy was begun; {self._file.begin_again}")
        for until in (self._held.ends, ends):
            await self._copy(until)

    def _starts(self) -> dict[int, int]:
        return {partition: max(self._held.positions.get(partition, 0), self._begins[partition])
                for partition in self._tps}  # fmt: skip

    async def _copy(self, ends: dict[int, int]) -> None:
        merge = Merge(self._starts(), ends, self._held.stream_ms)
        for partition, at in merge.positions.items():
            self._client.seek(self._tps[partition], at)
        self._held.ends = ends
        self._note(merge)
        while True:
            for head in merge.take():
                self._place(head)
                if self._turn.is_full:
                    await self._save(merge)
            if not merge.missing:
                break
            await self._fetch(merge)
        at_ms = max(merge.stream_ms.values(), default=NOT_STARTED)
        if at_ms > self.course.ticked_ms:
            self._turn.add(self.course.tick(at_ms))
        await self._save(merge)

    def _place(self, head: Head) -> None:
        self._turn.add(self.course.place(head))
        if 0 < self._begins[head.partition] == head.record.offset:
            self._held.whole_from_ms = max(self._held.whole_from_ms, head.record.timestamp + self._future_ms)

    async def _save(self, merge: Merge) -> None:
        """Note how far it is, once that is acknowledged and nobody else has written."""
        await self._turn.publish()
        tps = [TopicPartition(self._turn.topic, partition) for partition in self._turn.ends]
        written = {tp.partition: end for tp, end in (await self._client.end_offsets(tps)).items()}
        if written != self._turn.ends or self._turn.left_there:
            raise self._file.foreign(self._turn.topic)
        self._held.written = written
        self._note(merge)

    def _note(self, merge: Merge) -> None:
        self._held.positions, self._held.stream_ms = dict(merge.positions), dict(merge.stream_ms)
        self._held.ticked_ms = self.course.ticked_ms
        self._file.write(self._held)

    async def _fetch(self, merge: Merge) -> None:
        tps = [self._tps[partition] for partition in merge.missing]
        for tp, records in self._patience.see(await self._client.getmany(*tps, timeout_ms=POLL_MS)).items():
            merge.feed(tp.partition, records)
        for partition in merge.missing:
            if await self._client.position(self._tps[partition]) >= merge.ends[partition]:
                merge.end(partition)
