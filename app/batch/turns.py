"""Which partitions a flush checkpoints: each once per cadence, some with every flush, so that no flush does it all."""

from __future__ import annotations

from collections.abc import Iterable

PATIENCE = 1.2
"""Cadences that a partition waits for a publication before it has a flush of its own."""


class Turns:
    """Knows when each partition was checkpointed, and how many of them are due.

    A flush takes as many as the time since the one before pays for, those that have waited longest: partitions that
    a stall has brought together part again.
    """

    def __init__(self, checkpoint_s: float) -> None:
        self.checkpoint_s = checkpoint_s
        self._taken_s: dict[int, float] = {}
        self._counted_s = 0.0
        self._due = 0.0

    def begin(self, partitions: Iterable[int], now_s: float) -> None:
        """Start over with partitions that were just restored."""
        self._taken_s = dict.fromkeys(sorted(partitions), now_s)
        self._counted_s, self._due = now_s, 0.0

    def is_overdue(self, now_s: float) -> bool:
        """Whether one has waited for so long that it must not wait for a publication."""
        return self._overdue(now_s) > 0

    def _overdue(self, now_s: float) -> int:
        return sum(now_s - taken_s >= PATIENCE * self.checkpoint_s for taken_s in self._taken_s.values())

    def take(self, now_s: float) -> set[int]:
        """Return those that a flush now has to checkpoint."""
        waiting = sorted(self._taken_s, key=self._taken_s.__getitem__)
        self._due += len(waiting) * (now_s - self._counted_s) / self.checkpoint_s
        self._counted_s = now_s
        taken = waiting[: max(self._overdue(now_s), int(self._due + 0.5))]
        self._due = max(-0.5, self._due - len(taken)) if len(taken) < len(waiting) else 0.0
        self._taken_s.update(dict.fromkeys(taken, now_s))
        return set(taken)

    def take_all(self, now_s: float) -> set[int]:
        """Return all of them."""
        self.begin(self._taken_s, now_s)
        return set(self._taken_s)
