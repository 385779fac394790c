"""Publishes a stream of records and the ticks between them, at a chosen speed, so that it can be resumed.

After every tick, once it and all before it are acknowledged, its time is noted in a file: a replay that was
interrupted goes on behind that tick. What was published behind it comes twice, which
changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from app import topics
from app.dataset.format import Dataset
from app.domain.contracts import NodeRecord
from app.errors import GridtwinError
from app.kafka.admin import describe_topics
from app.kafka.clients import BatchPublisher, Message, partition_of
from app.replay.disturb import Sent, Shares, disturb
from app.settings import Settings
from app.topics import TopicSpec

CHUNK = 20_000
Progress = Callable[[int, int, int], None]
"""Told records published, simulated time in milliseconds, and ticks."""

_encode = msgspec.json.Encoder().encode


class Replay:
    """One dataset on its way into Kafka."""

    def __init__(self, dataset: Dataset, settings: Settings, *, shares: Shares, seed: int) -> None:
        self.dataset = dataset
        self.settings = settings
        self.shares = shares
        self.seed = seed
        self.published = 0
        self.ticks = 0
        meta = dataset.meta
        self.last_tick_ms = meta.end_ms + 1000 * (meta.grace_s + 2 * meta.window_s + 2 * meta.tick_s)

    async def run(self, *, speed: float, over_s: float | None, start_at_ms: int | None, until_ms: int | None,
                  resume: bool, progress: Progress) -> None:  # fmt: skip
        """Publish topology, then telemetry; *speed* is simulated seconds per second, 0 as fast as possible."""
        await self._check_clock()
        async with BatchPublisher(self.settings.broker) as publisher:
            await self.publish_topology(publisher)
            await publisher.flush()
            done_ms = self._position() if resume else None
            pace = _Pace(speed, over_s, self.dataset.meta.start_ms, self.last_tick_ms)
            for until, records in self._turns(start_at_ms, until_ms, done_ms):
                await pace.wait(until)
                await self._publish(publisher, records)
                await self._tick(publisher, until)
                progress(self.published, until, self.ticks)
        self._forget()

    async def _check_clock(self) -> None:
        spec = TopicSpec(topics.TELEMETRY, 0, 0, {})
        seen = (await describe_topics(self.settings.broker, [spec])).get(topics.TELEMETRY)
        if seen is None:
            raise GridtwinError(f"topic {topics.TELEMETRY} does not exist; make it with `gridtwin topics create`")
        if seen.config.get("message.timestamp.type") != "CreateTime":
            raise GridtwinError(
                f"{topics.TELEMETRY} is stamped by the broker's clock, a replay brings its own; make the topics of "
                "another cluster with VPP_TELEMETRY_TIMESTAMPS=create"
            )
        if seen.partitions != self.settings.partitions:
            raise GridtwinError(
                f"{topics.TELEMETRY} has {seen.partitions} partitions, VPP_PARTITIONS is {self.settings.partitions}"
            )

    async def publish_topology(self, publisher: BatchPublisher) -> None:
        """Publish all of it: a record that is there already is only written again."""
        nodes: list[Message] = []
        sites: dict[int, list[Message]] = {}
        for member in self.dataset.topology():
            key, record = member.id.encode(), member.record
            if isinstance(record, NodeRecord):
                nodes.append((key, _encode(record), (), None))
            else:
                home = partition_of(key, self.settings.partitions)
                sites.setdefault(home, []).append((key, _encode(record), (), None))
        await publisher.publish(topics.TOPOLOGY_NODE, 0, nodes)
        for partition, messages in sites.items():
            await publisher.publish(topics.TOPOLOGY_SITE, partition, messages)

    def _turns(
        self, start_at_ms: int | None, until_ms: int | None, done_ms: int | None
    ) -> Iterator[tuple[int, list[Sent]]]:
        """Yield the records before each tick, and the tick's time."""
        tick_ms = self.dataset.meta.tick_s * 1000
        after_ms = max(start_at_ms or 0, done_ms or 0)
        records: list[Sent] = []
        next_ms = self.dataset.meta.start_ms
        for sent in self._records():
            while sent.at_ms >= next_ms:
                if next_ms > after_ms:
                    yield next_ms, records
                records, next_ms = [], next_ms + tick_ms
                if until_ms is not None and next_ms > until_ms:
                    return
            if sent.at_ms >= after_ms:
                records.append(sent)
        while next_ms <= min(self.last_tick_ms, until_ms or self.last_tick_ms):
            if next_ms > after_ms:
                yield next_ms, records
            records, next_ms = [], next_ms + tick_ms

    def _records(self) -> Iterable[Sent]:
        end_ms = self.dataset.meta.end_ms + 1000 * self.dataset.meta.window_s
        return disturb(self.dataset.telemetry(), self.shares, seed=self.seed, end_ms=end_ms)

    async def _publish(self, publisher: BatchPublisher, records: list[Sent]) -> None:
        partitions: dict[int, list[Message]] = {}
        for sent in records:
            home = self._home(sent.key)
            partitions.setdefault(home, []).append((sent.key, sent.value, (), sent.timestamp_ms))
        for partition, messages in partitions.items():
            await publisher.publish(topics.TELEMETRY, partition, messages)
        self.published += len(records)

    def _home(self, key: bytes, known: dict[bytes, int] = {}) -> int:  # noqa: B006  (a cache that lives as long as the process)
        home = known.get(key)
        if home is None:
            home = known[key] = partition_of(key, self.settings.partitions)
        return home

    async def _tick(self, publisher: BatchPublisher, at_ms: int) -> None:
        for partition in range(self.settings.partitions):
            await publisher.publish(topics.TELEMETRY, partition, [(b"", b"", (), at_ms)])
        self.ticks += self.settings.partitions
        await publisher.flush()
        self._remember(at_ms)

    @property
    def _file(self) -> Path:
        return self.settings.data_dir / "replay" / f"{self.dataset.meta.name}.json"

    def _remember(self, at_ms: int) -> None:
        """Everything up to this tick is acknowledged; written aside and renamed, so that it is whole or not there."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(_encode({"ticked_at_ms": at_ms, "broker": self.settings.broker}))
        partial.rename(self._file)

    def _position(self) -> int | None:
        if not self._file.exists():
            return None
        held = msgspec.json.decode(self._file.read_bytes())
        return int(held["ticked_at_ms"]) if held["broker"] == self.settings.broker else None

    def _forget(self) -> None:
        self._file.unlink(missing_ok=True)


class _Pace:
    """Maps simulated time to the clock."""

    def __init__(self, speed: float, over_s: float | None, start_ms: int, end_ms: int) -> None:
        self._speed = (end_ms - start_ms) / 1000 / over_s if over_s else speed
        self._first_ms: int | None = None
        self._began_s = time.monotonic()

    async def wait(self, at_ms: int) -> None:
        """Sleep until a simulated time is due."""
        if self._first_ms is None:
            self._first_ms, self._began_s = at_ms, time.monotonic()
        if self._speed:
            due_s = self._began_s + (at_ms - self._first_ms) / 1000 / self._speed
            if (ahead_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(ahead_s)
