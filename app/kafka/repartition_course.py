"""Where each record of telemetry goes when the number of partitions changes, and when time is told."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.kafka.clients import Message, partition_of

NOT_STARTED = -1


class Head(NamedTuple):
    """The next record of a source partition; `stream_ms` is that partition's time once it has been read."""

    stream_ms: int
    partition: int
    record: Any


class Merge:
    """Source partitions in the order of their own time: none is read ahead of the others' time.

    A record that comes out of order has the time of its partition then, as it had where it lay; so nothing is late
    in the copy that was not late before.
    """

    def __init__(self, positions: dict[int, int], ends: dict[int, int], stream_ms: dict[int, int]) -> None:
        self.positions = dict(positions)
        self.stream_ms = dict(stream_ms)
        self.ends = ends
        self._waiting = {partition for partition, end in ends.items() if positions[partition] < end}
        self._held: dict[int, deque[Any]] = {partition: deque() for partition in ends}
        self._heads: list[Head] = []

    @property
    def missing(self) -> list[int]:
        """Partitions of which a record has to be fetched before the next can be taken."""
        return sorted(partition for partition in self._waiting if not self._held[partition])

    def feed(self, partition: int, records: Iterable[Any]) -> None:
        """Take in what was fetched."""
        self._held[partition].extend(record for record in records if record.offset < self.ends[partition])

    def end(self, partition: int) -> None:
        """Learn that there is nothing more of a partition."""
        self._waiting.discard(partition)

    def take(self) -> Iterator[Head]:
        """Yield what can be ordered by now."""
        while True:
            for partition in [one for one in self._waiting if self._held[one]]:
                self._push(partition)
            if self._waiting or not self._heads:
                return
            head = heapq.heappop(self._heads)
            self.positions[head.partition] = head.record.offset + 1
            if head.record.offset + 1 < self.ends[head.partition]:
                self._waiting.add(head.partition)
            yield head

    def _push(self, partition: int) -> None:
        record = self._held[partition].popleft()
        stream_ms = self.stream_ms[partition] = max(self.stream_ms.get(partition, NOT_STARTED), record.timestamp)
        heapq.heappush(self._heads, Head(stream_ms, partition, record))
        self._waiting.discard(partition)


class Course:
    """Turns merged records into messages of the new partitions. Ticks are made anew, in all of them."""

    def __init__(self, before: int, after: int, tick_ms: int, ticked_ms: int = NOT_STARTED) -> None:
        self.before, self.after, self.tick_ms = before, after, tick_ms
        self.ticked_ms = ticked_ms
        self.records = self.left_out = 0

    def place(self, head: Head) -> Iterator[tuple[int, Message]]:
        """Yield a partition and a message for everything that a record makes."""
        if self.ticked_ms == NOT_STARTED or head.stream_ms - self.ticked_ms >= self.tick_ms:
            yield from self.tick(head.stream_ms)
        key, value = head.record.key, head.record.value
        if key == b"" and value == b"":
            return
        if key and partition_of(key, self.before) != head.partition:
            self.left_out += 1  # it was rejected where it lay, and would count where it belongs
            return
        self.records += 1
        home = partition_of(key, self.after) if key else head.partition % self.after
        yield home, (key, value, head.record.headers, head.record.timestamp)

    def tick(self, at_ms: int) -> Iterator[tuple[int, Message]]:
        """Yield a tick for every partition."""
        self.ticked_ms = at_ms
        for partition in range(self.after):
            yield partition, (b"", b"", (), at_ms)
