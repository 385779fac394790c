"""How the C library keeps what was freed, where it is glibc: it is told to give back what Python cannot hold on to."""

from __future__ import annotations

import contextlib
import ctypes

M_ARENA_MAX = -8
MOST_ARENAS = 2
"""By default each thread gets one of its own, up to eight per processor, and none gives to another."""


def bound_heap() -> None:
    """Keep few arenas. Call it before threads are started."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, MOST_ARENAS)


def give_back() -> None:
    """Give back to the system what is free in between."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
