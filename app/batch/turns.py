"""Whose turn it is to publish or to checkpoint: one partition after the other, so that the rest is folded meanwhile."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager


class Turns:
    """A lock for each partition, held while its batches are folded or its machine is flushed, and when it was last.

    Turns are spread over their cadences: the n-th of N partitions begins as if its last had been n/N of one ago.
    """

    def __init__(self, publish_s: float, checkpoint_s: float) -> None:
        self.publish_s = publish_s
        self.checkpoint_s = checkpoint_s
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._published_s: dict[int, float] = {}
        self._checkpointed_s: dict[int, float] = {}

    def lock(self, partition: int) -> asyncio.Lock:
        """Return what is held while anything happens to a partition's machine."""
        return self._locks[partition]

    @property
    def is_any_held(self) -> bool:
        """Whether anything happens to any machine."""
        return any(lock.locked() for lock in self._locks.values())

    @asynccontextmanager
    async def alone(self, partitions: Collection[int] = ()) -> AsyncIterator[None]:
        """Hold every lock, those of *partitions* included: all turns have ended, and none begins."""
        async with AsyncExitStack() as stack:
            for partition in sorted({*self._locks, *partitions}):
                await stack.enter_async_context(self._locks[partition])
            yield

    def begin(self, partitions: Collection[int], now_s: float) -> None:
        """Begin to count for these partitions, and for no others."""
        shares = {partition: number / len(partitions) for number, partition in enumerate(sorted(partitions))}
        self._published_s = {partition: now_s - share * self.publish_s for partition, share in shares.items()}
        self._checkpointed_s = {partition: now_s - share * self.checkpoint_s for partition, share in shares.items()}

    def take(self, now_s: float) -> list[tuple[int, bool]]:
        """Return the partitions whose turn has come, and whether to checkpoint; who is in one has to wait."""
        due = [partition for partition in self._published_s if self._is_due(partition, now_s)]
        return [(partition, self.took(partition, now_s)) for partition in due]

    def took(self, partition: int, now_s: float, *, checkpoint: bool = False) -> bool:
        """Note a turn; return whether it checkpoints, because it is asked to or because that is due."""
        checkpoint = checkpoint or now_s - self._checkpointed_s.get(partition, now_s) >= self.checkpoint_s
        self._published_s[partition] = now_s
        if checkpoint:
            self._checkpointed_s[partition] = now_s
        return checkpoint

    def _is_due(self, partition: int, now_s: float) -> bool:
        is_due = (
            now_s - self._published_s[partition] >= self.publish_s
            or now_s - self._checkpointed_s[partition] >= self.checkpoint_s
        )
        return is_due and not self._locks[partition].locked()
