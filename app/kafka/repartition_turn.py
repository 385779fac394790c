"""What a copy publishes at once, each message only once, however often the copy was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from app.kafka.clients import BatchPublisher, Message, read_to_end

TURN_MESSAGES = 5_000
TURN_BYTES = 16 << 20
TICK = (b"", b"")

Placed = tuple[int, bytes | None, bytes | None, tuple[Any, ...], int | None]


async def messages_behind(broker: str, topic: str, written: dict[int, int]) -> Counter[Placed]:
    """Read what no progress tells of."""
    found: Counter[Placed] = Counter()
    async for one in read_to_end(broker, topic, start=written):
        found[_placed(one.partition, (one.key, one.value, one.headers, one.timestamp))] += 1
    return found


class Turn:
    """Messages by partition, published and acknowledged together, but for those that are there already."""

    def __init__(self, publisher: BatchPublisher, topic: str, ends: dict[int, int], unnoted: Counter[Placed]) -> None:
        self.ends = ends
        """Where the new partitions have to end, if nobody else writes."""
        self.records_there = 0
        self._unnoted = unnoted
        self.topic, self._publisher = topic, publisher
        self._messages: dict[int, list[Message]] = {}
        self._count = self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._count >= TURN_MESSAGES or self._bytes >= TURN_BYTES

    @property
    def left_there(self) -> int:
        """How many messages are there that did not come again."""
        return self._unnoted.total()

    def add(self, placed: Iterable[tuple[int, Message]]) -> None:
        """Take messages in. Those that are there count, so that a turn ends where it would have ended before."""
        for partition, message in placed:
            self._count += 1
            self._bytes += len(message[1] or b"")
            if not self._is_there(partition, message):
                self._messages.setdefault(partition, []).append(message)

    def _is_there(self, partition: int, message: Message) -> bool:
        if not self._unnoted:
            return False
        placed = _placed(partition, message)
        if not self._unnoted[placed]:
            return False
        self._unnoted[placed] -= 1
        self.records_there += message[:2] != TICK
        return True

    async def publish(self) -> None:
        """Publish what is missing and wait until all of it is acknowledged."""
        for partition, messages in self._messages.items():
            await self._publisher.publish(self.topic, partition, messages)
            self.ends[partition] += len(messages)
        await self._publisher.flush()
        self._messages, self._count, self._bytes = {}, 0, 0


def _placed(partition: int, message: Message) -> Placed:
    key, value, headers, at_ms = message
    return partition, key, value, tuple(headers), at_ms
