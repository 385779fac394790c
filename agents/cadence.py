"""When a level's provisional and live values are due."""

from __future__ import annotations

from collections.abc import Mapping


class Cadence:
    """Levels by the seconds between two of their values; a level that is not named is always due."""

    def __init__(self, level_cadence_s: Mapping[str, float], twin_cadence_s: float = 0.0) -> None:
        self._every_s = {**level_cadence_s, _TWINS: twin_cadence_s}
        self._last_s: dict[str, float] = {}
        self._due: frozenset[str] = frozenset()

    def begin(self, now_s: float) -> None:
        """Decide what is due in this turn."""
        due = {name for name, every_s in self._every_s.items() if now_s - self._last_s.get(name, -1e9) >= every_s}
        self._last_s |= dict.fromkeys(due, now_s)
        self._due = frozenset(due)

    def level(self, level: str) -> bool:
        """Whether a level is due."""
        return level not in self._every_s or level in self._due

    @property
    def twins(self) -> bool:
        """Whether twins are due."""
        return _TWINS in self._due


_TWINS = "\x00twins"
