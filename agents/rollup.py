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
from app.domain.contracts import WindowAggregate
from app.domain.rollup import NodePartition
from app.kafka.level_topics import LevelTopics
from app.kafka.topic_check import doubt
from app.metrics import Coverage, RollupCounts, show_number
from app.metrics_file import metrics_writer
from app.settings import Settings
from tables.rollup import create_tables

WINDOWS = "windows"
AFTER_TWINS = 0.75
"""Of a cadence: what the twin role says in a turn has come by then; with 50,000 sites a second it takes half of one."""


class RollupMachine:
    """A NodePartition, and the topics that its words go to."""

    def __init__(
        self, partition: int, settings: Settings, reader: Reader, levels: LevelTopics, counts: RollupCounts
    ) -> None:
        self.partition = partition
        self.counts = counts
        self.levels = levels
        self.nodes = NodePartition(partition, settings.rules(), reader)
        self.cadence = Cadence(settings.level_cadence_s, slack_s=settings.publish_cadence_s / 2)
        self.slow = Cadence({WINDOWS: settings.provisional_cadence_s})
        self.announce = self.nodes.announce
        self.remember = self.nodes.remember
        self.remembered = self.nodes.remembered

    @property
    def offset(self) -> int:
        return int(self.nodes.offset)

    @property
    def stream_ms(self) -> int | None:
        """Up to where windows are final."""
        return self.nodes.final_through_ms

    def apply(self, records: Sequence[Any], *, settled: bool) -> bool:
        """A level that nobody looked for yet may have a topic: a final value must not be taken before that is known."""
        self.nodes.apply(records)
        return self.levels.knows(self.nodes.levels) or settled

    def caught_up_at(self, end_offset: int) -> None:
        """Nothing depends on where `contributed` ended: a version decides what replaces what."""

    def say(self, *, behind: bool, checkpoint: bool, now_s: float) -> list[Outgoing]:
        """Provisional values come with a checkpoint, as each partition has its own: no flush says all of them."""
        self.cadence.begin(now_s)
        self.slow.begin(now_s)
        self.levels.look_again()
        levels: dict[str, list[Message]] = {}
        provisional = checkpoint and self.slow.level(WINDOWS)
        for said in self.nodes.say(behind=behind, due=self._is_due, provisional=provisional):
            if said.window is not None and said.window.status == "final":
                self.counts.final(_coverage(said.level, said.window))
            if self.levels.has(said.level):
                levels.setdefault(said.level, []).append((said.key, said.value, ()))
        return [Outgoing(topics.level_topic(level), self.partition, messages) for level, messages in levels.items()]

    def _is_due(self, level: str) -> bool:
        """What is open waits for a topic; what became final without one is not said later."""
        return self.cadence.level(level) and self.levels.has(level)


def _coverage(level: str, window: WindowAggregate) -> Coverage:
    total = window.kinds["all"]
    return Coverage(level, window.window_start_ms, total.covered_device_s, total.expected_device_s)


def create_agent(app: BatchApp, settings: Settings) -> faust.types.AgentT[Any]:
    """Add the rollup agent to an application."""
    counts = RollupCounts(app.metrics_registry)
    levels = LevelTopics(settings.broker)
    show_number(
        app.metrics_registry,
        "gridtwin_levels_without_topic",
        "Levels whose nodes are not published",
        lambda: levels.missing,
    )
    write = metrics_writer(settings.state_dir("rollup"))
    processor = Processor(
        app,
        source=topics.CONTRIBUTED,
        tables=create_tables(app, settings),
        create=lambda partition, reader: RollupMachine(partition, settings, reader, levels, counts),
        prepare=lambda owned: doubt(owned, settings, app.conf.id),
        catch_up=lambda _: levels.look(),
        publish_s=settings.publish_cadence_s,
        checkpoint_s=settings.checkpoint_cadence_s,
        publish_phase=AFTER_TWINS,
        is_profiled=settings.profile == "on",
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
