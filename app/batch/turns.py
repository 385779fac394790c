"""Which partitions a flush checkpoints: each once per cadence, some with every flush, so that no flush does it all."""

from __future__ import annotations

from collections.abc import Iterable


class Turns:
    """Knows when each partition was checkpointed.

    A flush takes those whose time comes nearer to it than to the flush after it.
    """

    def __init__(self, publish_s: float, checkpoint_s: float) -> None:
        self.checkpoint_s = checkpoint_s
        self._early_s = min(publish_s, checkpoint_s) / 2
        self._taken_s: dict[int, float] = {}

    def begin(self, partitions: Iterable[int], now_s: float) -> None:
        """Spread partitions that were just restored over the cadence."""
        owned = sorted(partitions)
        self._taken_s = {one: now_s - self.checkpoint_s * turn / len(owned) for turn, one in enumerate(owned)}

    def is_overdue(self, now_s: float) -> bool:
        """Whether one has waited for a whole cadence, so that no flush may be waited for."""
        return any(now_s - taken_s >= self.checkpoint_s for taken_s in self._taken_s.values())

    def due(self, now_s: float) -> set[int]:
        """Return those that a flush now has to checkpoint."""
        after_s = self.checkpoint_s - self._early_s
        return {partition for partition, taken_s in self._taken_s.items() if now_s - taken_s >= after_s}

    def take(self, partitions: Iterable[int], now_s: float) -> None:
        """Note that partitions are checkpointed now."""
        self._taken_s.update(dict.fromkeys(partitions, now_s))
