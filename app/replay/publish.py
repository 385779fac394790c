"""Publishes a stream of records and the ticks between them, at a chosen speed, so that it can be resumed.

After every tick, once it and all before it are acknowledged, its time is noted in a file: a replay that was
interrupted goes on behind that tick. What was published behind it comes twice, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from app import topics
from app.dataset.format import Dataset
from app.errors import GridtwinError
from app.kafka.admin import describe_topics, require_topics
from app.kafka.clients import BatchPublisher, Message, end_offsets, partition_of
from app.kafka.topology_writer import write_topology
from app.replay.disturb import Sent, Shares, disturb
from app.replay.pace import Pace
from app.replay.position import Course, PositionFile
from app.settings import Settings
from app.topics import TopicSpec

Progress = Callable[[int, int, int], None]
"""Told records published, simulated time in milliseconds, and ticks."""


class Replay:
    """One dataset on its way into Kafka."""

    def __init__(self, dataset: Dataset, settings: Settings, *, shares: Shares, seed: int) -> None:
        self.dataset = dataset
        self.settings = settings
        self.shares = shares
        self.seed = seed
        self.published = 0
        self.ticks = 0
        self._before = 0
        meta = dataset.meta
        self.last_tick_ms = meta.end_ms + 1000 * (meta.grace_s + 2 * meta.window_s + 2 * meta.tick_s)
        self.position = PositionFile(settings.data_dir / "replay", dataset, Course(str(settings.broker), seed, shares))
        self._home = lru_cache(maxsize=200_000)(lambda key: partition_of(key, settings.partitions))

    async def run(self, *, speed: float, over_s: float | None, start_at_ms: int | None, until_ms: int | None,
                  resume: bool, progress: Progress) -> None:  # fmt: skip
        """Publish topology, then telemetry; *speed* is simulated seconds per second, 0 as fast as possible."""
        self.dataset.check()
        await self._check_topics()
        after_ms = max(start_at_ms or 0, await self._resumed_ms() if resume else 0)
        seconds = (self.last_tick_ms - self.dataset.meta.start_ms) / 1000
        pace = Pace(seconds / over_s if over_s else speed)
        async with BatchPublisher(self.settings.broker) as publisher:
            await self.publish_topology(publisher)
            for tick_ms, records in self._turns(after_ms, until_ms):
                await pace.wait(tick_ms)
                await self._publish(publisher, records)
                await self._tick(publisher, tick_ms)
                progress(self.published, tick_ms, self.ticks)
        if until_ms is None or until_ms >= self.last_tick_ms:
            self.position.forget()

    async def _check_topics(self) -> None:
        partitions = self.settings.partitions
        needed = {topics.TELEMETRY: partitions, topics.TOPOLOGY_SITE: partitions, topics.TOPOLOGY_NODE: 1}
        await require_topics(self.settings.broker, needed)
        spec = TopicSpec(topics.TELEMETRY, 0, 0, {})
        seen = (await describe_topics(self.settings.broker, [spec]))[topics.TELEMETRY]
        if seen.config.get("message.timestamp.type") != "CreateTime":
            raise GridtwinError(
                f"{topics.TELEMETRY} is stamped by the broker's clock, a replay brings its own; make the topics of "
                "another cluster with VPP_TELEMETRY_TIMESTAMPS=create"
            )

    async def _resumed_ms(self) -> int:
        """Return the tick behind which an interrupted replay goes on; 0 if there is none."""
        there = sum((await end_offsets(self.settings.broker, topics.TELEMETRY)).values())
        held = self.position.read(there)
        self._before = held.records if held is not None else 0
        return held.ticked_at_ms if held is not None else 0

    async def publish_topology(self, publisher: BatchPublisher) -> None:
        """Publish all of it: a record that is there already is only written again."""
        changes = ((member.id, member.type == "node", member.record) for member in self.dataset.topology())
        await write_topology(publisher, changes, self.settings.partitions)

    def _turns(self, after_ms: int, until_ms: int | None) -> Iterator[tuple[int, list[Sent]]]:
        """Yield the time of each tick behind *after_ms*, and the records between the one before and it."""
        sent = self._records()
        held = next(sent, None)
        for tick_ms in self._ticks(until_ms):
            records = []
            while held is not None and held.at_ms < tick_ms:
                if held.at_ms >= after_ms:
                    records.append(held)
                held = next(sent, None)
            if tick_ms > after_ms:
                yield tick_ms, records
            if held is None and tick_ms >= self.last_tick_ms:
                return

    def _ticks(self, until_ms: int | None) -> Iterator[int]:
        """Yield the times of ticks, the last at *until_ms* if there is an end."""
        at_ms, step_ms = self.dataset.meta.start_ms, self.dataset.meta.tick_s * 1000
        while until_ms is None or at_ms < until_ms:
            yield at_ms
            at_ms += step_ms
        yield until_ms

    def _records(self) -> Iterator[Sent]:
        meta = self.dataset.meta
        return disturb(
            self.dataset.telemetry(), self.shares, seed=self.seed, end_ms=meta.end_ms + 1000 * meta.window_s,
            horizon_ms=1000 * meta.horizon_s,
        )  # fmt: skip

    async def _publish(self, publisher: BatchPublisher, records: list[Sent]) -> None:
        partitions: dict[int, list[Message]] = {}
        for sent in records:
            home = (self._home(sent.key) + sent.shift) % self.settings.partitions
            partitions.setdefault(home, []).append((sent.key, sent.value, (), sent.timestamp_ms))
        for partition, messages in partitions.items():
            await publisher.publish(topics.TELEMETRY, partition, messages)
        self.published += len(records)

    async def _tick(self, publisher: BatchPublisher, at_ms: int) -> None:
        for partition in range(self.settings.partitions):
            await publisher.publish(topics.TELEMETRY, partition, [(b"", b"", (), at_ms)])
        self.ticks += self.settings.partitions
        await publisher.flush()
        self.position.write(at_ms, self._before + self.published + self.ticks)
