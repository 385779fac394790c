"""Copies telemetry and topology into topics of the next generation, with another number of partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app import topics
from app.domain.units import MS_PER_S
from app.errors import GridtwinError
from app.generation import GENERATION, renamed, root_of
from app.kafka.admin import admin, create_topics, require_topics
from app.kafka.clients import (
    POLL_MS,
    BatchPublisher,
    Message,
    Patience,
    consumer,
    end_offsets,
    partition_of,
    read_to_end,
    topic_partitions,
)
from app.kafka.repartition_course import NOT_STARTED, Course, Merge
from app.settings import Settings
from app.topics import TopicSpec, all_topics

LONGEST_QUIET_S = 60.0
TURN_MESSAGES = 5_000
TURN_BYTES = 16 << 20


class Progress(msgspec.Struct):
    """How far a copy came: all before is acknowledged. What was cut off comes twice, which changes nothing."""

    partitions: int
    positions: dict[int, int]
    stream_ms: dict[int, int]
    ticked_ms: int


class Copied(NamedTuple):
    """What one run did; windows that begin at `whole_from_ms` or later are whole, all if it is 0."""

    topics: int
    records: int
    left_out: int
    whole_from_ms: int


class Repartition:
    """One change of the number of partitions; may be run again and again while telemetry still comes."""

    def __init__(self, settings: Settings, levels: Sequence[str], partitions: int) -> None:
        self.settings = settings
        self.generation = GENERATION + 1
        self.partitions = partitions
        after = msgspec.structs.replace(settings, partitions=partitions)
        self.wanted = [
            msgspec.structs.replace(spec, name=renamed(spec.name, self.generation))
            for spec in all_topics(levels, after)
        ]
        self.telemetry = renamed(topics.TELEMETRY, self.generation)
        self._file = settings.data_dir / f"repartition-{root_of(self.generation)}.json"

    async def run(self, *, finish: bool) -> Copied:
        """Copy what there is; with *finish*, refuse if more came meanwhile, and give the topic its own clock."""
        broker, before = self.settings.broker, self.settings.partitions
        await require_topics(broker, {topics.TELEMETRY: before, topics.TOPOLOGY_SITE: before, topics.TOPOLOGY_NODE: 1})
        made = await create_topics(broker, [self._while_copying(spec) for spec in self.wanted])
        progress = await self._progress()
        async with BatchPublisher(broker) as publisher:
            await self._copy_topology(publisher)
            copied = await self._copy_telemetry(publisher, progress)
        if finish:
            await self._finish()
        return copied._replace(topics=len(made))

    def _while_copying(self, spec: TopicSpec) -> TopicSpec:
        """Records keep their timestamps: the topic must take them, however old."""
        if spec.name != self.telemetry:
            return spec
        return msgspec.structs.replace(spec, config={**spec.config, "message.timestamp.type": "CreateTime"})

    async def _progress(self) -> Progress:
        if self._file.exists():
            held = msgspec.json.decode(self._file.read_bytes(), type=Progress)
            if held.partitions == self.partitions:
                return held
            raise GridtwinError(f"a copy to {held.partitions} partitions was begun; go on with that, or delete the "
                                f"topics {root_of(self.generation)}* and {self._file}")  # fmt: skip
        if sum((await end_offsets(self.settings.broker, self.telemetry)).values()):
            raise GridtwinError(f"{self.telemetry} holds records, but {self._file} does not say how far a copy came; "
                                f"delete the topics {root_of(self.generation)}* to begin again")  # fmt: skip
        return Progress(self.partitions, {}, {}, NOT_STARTED)

    async def _copy_topology(self, publisher: BatchPublisher) -> None:
        for topic, before, after in ((topics.TOPOLOGY_NODE, 1, 1),
                                     (topics.TOPOLOGY_SITE, self.settings.partitions, self.partitions)):  # fmt: skip
            latest: dict[bytes, bytes | None] = {}
            async for record in read_to_end(self.settings.broker, topic):
                if partition_of(record.key or b"", before) == record.partition:
                    latest[record.key or b""] = record.value
            homes: dict[int, list[Message]] = {}
            for key, value in latest.items():
                homes.setdefault(partition_of(key, after), []).append((key, value, (), None))
            for home, messages in homes.items():
                await publisher.publish(renamed(topic, self.generation), home, messages)
            await publisher.flush()

    async def _copy_telemetry(self, publisher: BatchPublisher, progress: Progress) -> Copied:
        tick_ms = round(self.settings.tick_s * MS_PER_S)
        course = Course(self.settings.partitions, self.partitions, tick_ms, progress.ticked_ms)
        async with consumer(self.settings.broker) as client:
            tps = {tp.partition: tp for tp in await topic_partitions(client, topics.TELEMETRY)}
            client.assign(list(tps.values()))
            ends = {tp.partition: end for tp, end in (await client.end_offsets(list(tps.values()))).items()}
            begins = {tp.partition: at for tp, at in (await client.beginning_offsets(list(tps.values()))).items()}
            starts = {partition: max(progress.positions.get(partition, 0), begins[partition]) for partition in tps}
            if any(starts[partition] > ends[partition] for partition in tps):
                raise GridtwinError(f"{topics.TELEMETRY} was made again since a copy was begun; delete {self._file}")
            for partition, tp in tps.items():
                client.seek(tp, starts[partition])
            merge = Merge(starts, ends, progress.stream_ms)
            whole_from_ms = await self._copy(client, tps, merge, course, publisher, begins)
        return Copied(0, course.records, course.left_out, whole_from_ms)

    async def _copy(self, client: Any, tps: dict[int, Any], merge: Merge, course: Course, publisher: BatchPublisher,
                    begins: dict[int, int]) -> int:  # fmt: skip
        """Fetch, order and publish, a turn at a time; return from when on windows are whole."""
        patience, turn, whole_from_ms = Patience(self.settings.broker), _Turn(publisher, self.telemetry), 0
        while True:
            for head in merge.take():
                turn.add(course.place(head))
                if 0 < begins[head.partition] == head.record.offset:
                    whole_from_ms = max(whole_from_ms, head.record.timestamp + self.settings.future_s * MS_PER_S)
                if turn.is_full:
                    await self._save(turn, merge, course)
            if not merge.missing:
                break
            await _fetch(client, tps, merge, patience)
        if merge.stream_ms:
            turn.add(course.tick(max(merge.stream_ms.values())))
        await self._save(turn, merge, course)
        return whole_from_ms

    async def _save(self, turn: _Turn, merge: Merge, course: Course) -> None:
        """Note how far it is, once that is acknowledged."""
        await turn.publish()
        held = Progress(self.partitions, merge.positions, merge.stream_ms, course.ticked_ms)
        _write(self._file, msgspec.json.encode(held))

    async def _finish(self) -> None:
        held = msgspec.json.decode(self._file.read_bytes(), type=Progress)
        if self.settings.telemetry_timestamps == "append":
            await asyncio.sleep(min(2 * self.settings.tick_s, LONGEST_QUIET_S))  # a twin worker that runs writes a tick
        if await end_offsets(self.settings.broker, topics.TELEMETRY) != held.positions:
            raise GridtwinError(f"{topics.TELEMETRY} still grows: stop gateways and all twin workers, which write "
                                "ticks, then run this again; what was copied is kept")  # fmt: skip
        spec = next(spec for spec in self.wanted if spec.name == self.telemetry)
        async with admin(self.settings.broker) as client:
            await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name, dict(spec.config))])
        self._file.unlink()


class _Turn:
    """Messages by partition, published and acknowledged together."""

    def __init__(self, publisher: BatchPublisher, topic: str) -> None:
        self._publisher, self._topic = publisher, topic
        self._messages: dict[int, list[Message]] = {}
        self._count = self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._count >= TURN_MESSAGES or self._bytes >= TURN_BYTES

    def add(self, placed: Any) -> None:
        for partition, message in placed:
            self._messages.setdefault(partition, []).append(message)
            self._count += 1
            self._bytes += len(message[1] or b"")

    async def publish(self) -> None:
        for partition, messages in self._messages.items():
            await self._publisher.publish(self._topic, partition, messages)
        await self._publisher.flush()
        self._messages, self._count, self._bytes = {}, 0, 0


async def _fetch(client: Any, tps: dict[int, Any], merge: Merge, patience: Patience) -> None:
    missing = merge.missing
    fetched = patience.see(await client.getmany(*(tps[partition] for partition in missing), timeout_ms=POLL_MS))
    for tp, records in fetched.items():
        merge.feed(tp.partition, records)
    for partition in merge.missing:
        if await client.position(tps[partition]) >= merge.ends[partition]:
            merge.end(partition)


def _write(file: Path, content: bytes) -> None:
    """Write aside and rename, so that a file is whole or not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(content)
    partial.rename(file)
