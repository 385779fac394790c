"""When what waits for a cadence is due."""

from __future__ import annotations

from collections.abc import Mapping


class Cadence:
    """Levels, or other words, by the seconds between two of their values; one that is not named has the default.

    What is less than *slack_s* early is due: turns come a moment sooner or later than their cadence says.
    """

    def __init__(self, every_s: Mapping[str, float], default_s: float = 0.0, *, slack_s: float = 0.0) -> None:
        self._every_s = dict(every_s)
        self._default_s = default_s
        self._slack_s = slack_s
        self._taken_s: dict[str, float] = {}
        self._now_s = 0.0

    def begin(self, now_s: float) -> None:
        """Begin a turn: what is due once in it stays due until it ends."""
        self._now_s = now_s

    def level(self, level: str) -> bool:
        """Whether a level is due; if so, it is taken."""
        taken_s = self._taken_s.get(level)
        wait_s = self._every_s.get(level, self._default_s) - self._slack_s
        if taken_s is not None and 0.0 < self._now_s - taken_s < wait_s:
            return False
        self._taken_s[level] = self._now_s
        return True
