"""What a process holds for long is not searched for garbage again; what it freed goes back, where glibc keeps it."""

from __future__ import annotations

import contextlib
import ctypes
import gc

M_ARENA_MAX = -8
MOST_ARENAS = 2
"""By default each thread gets one of its own, up to eight per processor, and none gives to another."""


def bound_heap() -> None:
    """Keep few arenas. Call it before threads are started."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, MOST_ARENAS)


def spare_the_collector() -> None:
    """State that stays is not searched for garbage again; what was dropped since the last time is, once."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
