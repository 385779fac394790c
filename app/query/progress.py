"""How far the workers have read what there is to read, as their groups' commits and the ends of their sources tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]
"""A role, and a partition of its source."""


@dataclass
class Reach:
    """How far one partition of one role is, and since when."""

    committed: int = 0
    end: int = 0
    whole_ms: int | None = None
    """When it had last read everything that there was then."""
    goal: tuple[int, int] | None = None
    """An end that was seen, and when: it is reached once that much is committed."""

    def see(self, committed: int, end: int, at_ms: int) -> None:
        """Note what was seen at a moment."""
        self.committed, self.end = committed, end
        if committed >= end:
            self.whole_ms, self.goal = at_ms, None
        elif self.goal is None:
            self.goal = end, at_ms
        elif committed >= self.goal[0]:
            self.whole_ms, self.goal = self.goal[1], (end, at_ms)


@dataclass
class Progress:
    """What was seen of every partition."""

    looked_ms: int | None = None
    reached: dict[Place, Reach] = field(default_factory=dict)

    def see(self, committed: Mapping[Place, int], ends: Mapping[Place, int], at_ms: int) -> None:
        """Note commits and ends that were read at a moment; what nobody has committed is not yet begun."""
        self.looked_ms = at_ms
        for place, end in ends.items():
            self.reached.setdefault(place, Reach()).see(max(0, committed.get(place, 0)), end, at_ms)

    def lag(self, role: str, partition: int) -> int | None:
        """Return how many records wait for the worker of a partition."""
        reach = self.reached.get((role, partition))
        return None if reach is None else max(0, reach.end - reach.committed)

    def whole_ms(self, role: str, partition: int) -> int | None:
        """Return when a partition had last read all there was; None if that was never seen."""
        reach = self.reached.get((role, partition))
        return None if reach is None else reach.whole_ms

    def places(self) -> Iterable[Place]:
        """Return every partition that was seen."""
        return self.reached.keys()
