"""Where a test has a worker die. For tests only: nothing happens unless BATCH_CRASH_POINT names a point.

`flush.said` dies the first time that the flush gets there, `flush.said@3` the third time. Not a setting: those are
an operator's.
"""

from __future__ import annotations

import os
import signal
import sys

VARIABLE = "BATCH_CRASH_POINT"
POINTS = (
    "flush.taken",
    "flush.announced",
    "flush.queued",
    "flush.said",
    "flush.logged",
    "flush.stored",
    "flush.acknowledged",
    "commit.begun",
    "commit.ended",
    "recovery.read",
    "recovery.restored",
    "recovery.made",
    "stop.begun",
    "stop.flushed",
)
"""In the order in which a worker passes them; `flush.queued/<topic>` is the same for one topic only."""

_point, _, _count = os.environ.get(VARIABLE, "").partition("@")
_left = int(_count or 1)


def reach(point: str) -> None:
    """Die here if this is the point, and the time, that was asked for."""
    global _left
    if point != _point:
        return
    _left -= 1
    if not _left:
        sys.stderr.write(f"crash point {point} reached\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
