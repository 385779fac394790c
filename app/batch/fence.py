"""Whether this worker may still write: the group has to have counted it in, and not longer ago than a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from app.batch.errors import BatchError, die

SHARE = 0.8
"""Of the session: what is sent at its end arrives within it."""
POLL_S = 0.05


class Fence:
    """Holds a writer back while its session may have ended, and ends it when somebody else may own its partitions."""

    def __init__(self, session_s: float, patience_s: float, is_member: Callable[[], bool]) -> None:
        self.session_s = session_s
        self.patience_s = patience_s
        self._is_member = is_member
        self._beat_s = time.monotonic()

    @property
    def outlived_after_s(self) -> float:
        """After so long, whoever owned the partitions before and was not told has had its last word."""
        return self.session_s + self.patience_s

    def beat(self, sent_s: float) -> None:
        """Note a heartbeat that the group accepted. The consumer's thread calls this."""
        self._beat_s = max(self._beat_s, sent_s)

    def silent_s(self) -> float:
        """Return for how long the group may not have heard of this worker."""
        return time.monotonic() - self._beat_s

    async def passed(self) -> None:
        """Return while the session lasts; else wait for the group's word, and die if it is no, or does not come."""
        waiting_s = time.monotonic()
        while self.silent_s() > SHARE * self.session_s or not self._is_member():
            if not self._is_member():
                die(BatchError(f"{self._since()} and the group goes on without this worker: its partitions may be "
                               "somebody else's by now; start it again"))  # fmt: skip
            if time.monotonic() - waiting_s > self.patience_s:
                die(BatchError(f"{self._since()} and the group does not answer; start this worker again"))
            await asyncio.sleep(POLL_S)

    def _since(self) -> str:
        return f"no heartbeat for {self.silent_s():.1f} s of a session of {self.session_s} s,"
