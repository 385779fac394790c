"""Maps simulated time to the clock on the wall."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """Simulated seconds per second; 0 does not wait."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first_ms: int | None = None
        self._began_s = 0.0

    async def wait(self, at_ms: int) -> None:
        """Sleep until a simulated time is due; the first one is due at once."""
        if self._first_ms is None:
            self._first_ms, self._began_s = at_ms, time.monotonic()
        if self._speed:
            due_s = self._began_s + (at_ms - self._first_ms) / 1000 / self._speed
            if (ahead_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(ahead_s)
