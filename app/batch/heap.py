"""What a process holds for long is not searched for garbage again; what it freed goes back, where glibc keeps it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator

M_ARENA_MAX = -8
MOST_ARENAS = 2
"""By default each thread gets one of its own, up to eight per processor, and none gives to another."""


def bound_heap() -> None:
    """Keep few arenas. Call it before threads are started."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, MOST_ARENAS)


@contextlib.contextmanager
def growing() -> Iterator[None]:
    """Have what a block makes not searched for garbage, neither while it grows nor later: it stays.

    The first time nothing was dropped before that is worth a search of all that was made.
    """
    is_first = not gc.get_freeze_count()
    if is_first:
        gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if is_first:
            gc.freeze()
        else:
            spare_the_collector()
        gc.set_threshold(1_000_000, 50, 100)


def spare_the_collector() -> None:
    """State that stays is not searched for garbage again; what was dropped since the last time is, once."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
