"""The rollup role: shares of nodes to the aggregate of every node, one topic per level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust

from agents.cadence import Cadence
from app import topics
from app.batch import BatchApp, Outgoing, Processor, Reader
from app.batch.machine import Message
from app.batch.transport import BatchSchema
from app.domain.rollup import NodePartition
from app.kafka.level_topics import LevelTopics
from app.kafka.topic_check import doubt
from app.metrics_file import metrics_writer
from app.settings import Settings
from tables.rollup import create_tables


class RollupMachine:
    """A NodePartition, and the topics that its words go to."""

    def __init__(self, partition: int, settings: Settings, reader: Reader, levels: LevelTopics) -> None:
        self.partition = partition
        self.levels = levels
        self.nodes = NodePartition(partition, settings.rules(), reader)
        self.cadence = Cadence(settings.level_cadence_s)
        self.announce = self.nodes.announce
        self.remember = self.nodes.remember
        self.remembered = self.nodes.remembered

    @property
    def offset(self) -> int:
        return int(self.nodes.offset)

    def apply(self, records: Sequence[Any], *, settled: bool) -> bool:
        """A level that nobody looked for yet may have a topic: a final value must not be taken before that is known."""
        self.nodes.apply(records)
        return self.levels.knows(self.nodes.levels) or settled

    def caught_up_at(self, end_offset: int) -> None:
        """Nothing depends on where `contributed` ended: a version decides what replaces what."""

    def say(self, *, behind: bool, now_s: float) -> list[Outgoing]:
        self.cadence.begin(now_s)
        self.levels.look_again()
        levels: dict[str, list[Message]] = {}
        for said in self.nodes.say(behind=behind, due=self._is_due):
            if self.levels.has(said.level):
                levels.setdefault(said.level, []).append((said.key, said.value, ()))
        return [Outgoing(topics.level_topic(level), self.partition, messages) for level, messages in levels.items()]

    def _is_due(self, level: str) -> bool:
        """What is open waits for a topic; what became final without one is not said later."""
        return self.cadence.level(level) and self.levels.has(level)


def create_agent(app: BatchApp, settings: Settings) -> faust.types.AgentT[Any]:
    """Add the rollup agent to an application."""
    levels = LevelTopics(settings.broker)
    write = metrics_writer(settings.state_dir("rollup"))
    processor = Processor(
        app,
        source=topics.CONTRIBUTED,
        tables=create_tables(app, settings),
        create=lambda partition, reader: RollupMachine(partition, settings, reader, levels),
        prepare=lambda owned: doubt(owned, settings, app.conf.id),
        catch_up=lambda _: levels.look(),
        publish_s=settings.publish_cadence_s,
        checkpoint_s=settings.checkpoint_cadence_s,
        report=lambda snapshot: write({**snapshot, "levels_without_topic": sorted(levels.missing)}),
    )

    async def rollup(stream: Any) -> None:
        """Replace each partition's share of a node and publish what the shares add up to.

        Reads:    vpp.rollup.contributed.v1, keyed by node
        Writes:   vpp.aggregate.<level>.v1, keyed by node and window, and by node and `live`
        State:    node-slots, one row per node and window, and per node live
        Order:    per partition; a share is replaced when its version is not older
        Delivery: at least once; every record is a whole current value, the newest revision wins
        """
        await processor.run(stream)

    return app.agent(app.topic(topics.CONTRIBUTED, schema=BatchSchema(), key_type=bytes, value_type=bytes))(rollup)
