"""How the C library keeps what was freed, where it is glibc: it is told to give back what Python cannot hold on to."""

from __future__ import annotations

import contextlib
import ctypes

M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
MOST_ARENAS = 2
"""By default each thread gets one of its own, up to eight per processor, and none gives to another."""
LARGE_BYTES = 512 << 10
"""Batches and the tables of large dictionaries are taken from the system and given back one by one."""


def bound_heap() -> None:
    """Keep few arenas, and nothing that is large. Call it before threads are started."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, MOST_ARENAS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Give back to the system what is free in between."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
