"""When a worker publishes: at multiples of its cadence on the wall clock, so that roles take turns."""

from __future__ import annotations

import math


class Beat:
    """A turn begins every *every_s* seconds, *phase* of them after a multiple; who reads what others say comes later.

    A turn that was missed is not made up for. Two publications are half a cadence apart at least, also when one came
    late, or the wall clock is set.
    """

    def __init__(self, every_s: float, phase: float, now_s: float, wall_s: float) -> None:
        self.every_s = every_s
        self.phase = phase
        self.take(now_s, wall_s)

    def is_due(self, now_s: float, wall_s: float) -> bool:
        """Whether a turn began since the last publication; *now_s* is of a clock that nobody sets."""
        return self._turn(wall_s) != self._taken and now_s - self._taken_s >= self.every_s / 2

    def take(self, now_s: float, wall_s: float) -> None:
        """Note a publication."""
        self._taken, self._taken_s = self._turn(wall_s), now_s

    def _turn(self, wall_s: float) -> int:
        return math.floor(wall_s / self.every_s - self.phase)
