"""When the owner of a silent partition moves its time."""

from __future__ import annotations


class Ticks:
    """One tick is due per `every_s` while nothing else arrives; none ever is with None.

    A replay brings ticks of its own: a tick stamped by the clock on the wall would end its simulated day.
    """

    def __init__(self, every_s: float | None) -> None:
        self.every_s = every_s
        self._due_s: float | None = None
        self._is_heard = True

    def heard(self) -> None:
        """Note that something other than a tick arrived."""
        self._is_heard = True

    def take(self, now_s: float) -> bool:
        """Whether one is due now. The next is due one interval after this one was; those missed are not made up for."""
        if self.every_s is None:
            return False
        if self._is_heard or self._due_s is None:
            self._is_heard, self._due_s = False, now_s + self.every_s
        if now_s < self._due_s:
            return False
        next_s = self._due_s + self.every_s
        self._due_s = next_s if next_s > now_s else now_s + self.every_s
        return True
