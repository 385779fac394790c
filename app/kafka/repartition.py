"""Copies telemetry and topology into topics of the next generation, with another number of partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app import topics
from app.errors import GridtwinError
from app.generation import GENERATION, renamed
from app.kafka.admin import alter_topic, create_topics, describe_topics, differences, require_topics
from app.kafka.clients import BatchPublisher, Message, consumer, end_offsets, partition_of, read_to_end
from app.kafka.repartition_progress import Progress, ProgressFile, not_started
from app.kafka.repartition_telemetry import TelemetryCopy
from app.kafka.repartition_turn import TURN_MESSAGES, Turn, messages_behind
from app.settings import Settings
from app.topics import TopicSpec, all_topics

LONGEST_QUIET_S = 60.0
MOST_UNNOTED = 10 * TURN_MESSAGES
"""More than runs that were cut off leave behind: somebody else writes."""


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
        self._telemetry_spec = next(spec for spec in self.wanted if spec.name == self.telemetry)
        self._file = ProgressFile(settings.data_dir, self.generation)

    async def run(self, *, finish: bool) -> Copied:
        """Copy what there is; with *finish*, refuse if more came meanwhile, and give the topic its own clock."""
        broker, before = self.settings.broker, self.settings.partitions
        await require_topics(broker, {topics.TELEMETRY: before, topics.TOPOLOGY_SITE: before, topics.TOPOLOGY_NODE: 1})
        held = self._held()
        await self._look_at_telemetry(held)
        made = await create_topics(broker, [self._while_copying(spec) for spec in self.wanted])
        held = held or not_started(self.partitions)
        ends = await self._ends(held)
        async with BatchPublisher(broker) as publisher, consumer(broker) as client:
            await self._copy_topology(publisher)
            turn = Turn(publisher, self.telemetry, ends, await messages_behind(broker, self.telemetry, held.written))
            copy = TelemetryCopy(self.settings, client, turn, self._file, held)
            await copy.run()
        if finish:
            await self._finish()
        return Copied(len(made), copy.course.records - turn.records_there, copy.course.left_out, held.whole_from_ms)

    def _held(self) -> Progress | None:
        """Return what a run before left."""
        held = self._file.read()
        if held is not None and held.partitions != self.partitions:
            raise GridtwinError(f"a copy to {held.partitions} partitions was begun; go on with that, or "
                                f"{self._file.begin_again}")  # fmt: skip
        return held

    async def _look_at_telemetry(self, held: Progress | None) -> None:
        """Refuse what was finished; let a copy that was cut off when it had all but finished go on."""
        spec = self._while_copying(self._telemetry_spec)
        seen = (await describe_topics(self.settings.broker, [spec])).get(spec.name)
        if seen is None:
            return
        if held is None and any((await end_offsets(self.settings.broker, self.telemetry)).values()):
            raise GridtwinError(f"{self.telemetry} holds records, but {self._file.path} does not say how far a copy "
                                f"came; go on with VPP_GENERATION={self.generation} if a run said `finished`, else "
                                f"{self._file.begin_again}")  # fmt: skip
        if held is not None and differences(spec, seen) and not differences(self._telemetry_spec, seen):
            await alter_topic(self.settings.broker, spec)

    async def _ends(self, held: Progress) -> dict[int, int]:
        """Return where new telemetry ends; refuse if that cannot be of the copy that is held."""
        ends = await end_offsets(self.settings.broker, self.telemetry)
        if any(ends[partition] < at for partition, at in held.written.items()):
            raise GridtwinError(f"{self.telemetry} holds less than was copied, so it was made again or lost records; "
                                f"{self._file.begin_again}")  # fmt: skip
        if sum(ends.values()) - sum(held.written.values()) > MOST_UNNOTED:
            raise self._file.foreign(self.telemetry)
        return ends

    def _while_copying(self, spec: TopicSpec) -> TopicSpec:
        """Records keep their timestamps: the topic must take them, however old."""
        if spec.name != self.telemetry:
            return spec
        return msgspec.structs.replace(spec, config={**spec.config, "message.timestamp.type": "CreateTime"})

    async def _copy_topology(self, publisher: BatchPublisher) -> None:
        """Write the latest of every key, where it is not there already."""
        for topic, before, after in ((topics.TOPOLOGY_NODE, 1, 1),
                                     (topics.TOPOLOGY_SITE, self.settings.partitions, self.partitions)):  # fmt: skip
            copy = renamed(topic, self.generation)
            latest, there = await self._latest(topic, before), await self._latest(copy, after)
            homes: dict[int, list[Message]] = {}
            for key in latest | there:
                if latest.get(key) != there.get(key):
                    homes.setdefault(partition_of(key, after), []).append((key, latest.get(key), (), None))
            for home, messages in homes.items():
                await publisher.publish(copy, home, messages)
            await publisher.flush()

    async def _latest(self, topic: str, partitions: int) -> dict[bytes, bytes | None]:
        """Return the latest value of every key, as far as it lies where it belongs."""
        return {
            record.key or b"": record.value
            async for record in read_to_end(self.settings.broker, topic)
            if partition_of(record.key or b"", partitions) == record.partition
        }

    async def _finish(self) -> None:
        held = self._file.read()
        if self.settings.telemetry_timestamps == "append":
            await asyncio.sleep(min(2 * self.settings.tick_s, LONGEST_QUIET_S))  # a twin worker that runs writes a tick
        if held is None or await end_offsets(self.settings.broker, topics.TELEMETRY) != held.positions:
            raise GridtwinError(f"{topics.TELEMETRY} still grows: stop gateways and all twin workers, which write "
                                "ticks, then run this again; what was copied is kept")  # fmt: skip
        await alter_topic(self.settings.broker, self._telemetry_spec)
        self._file.delete()
