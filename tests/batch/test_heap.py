"""What was freed goes back to the system: few arenas of the C library, however many threads there are."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from app.batch.heap import growing

ARENAS = """
import ctypes, sys, threading
from app.batch.heap import bound_heap
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
if sys.argv[1] == "bound":
    bound_heap()
all_hold = threading.Barrier(20)
def hold():
    libc.malloc(100)
    all_hold.wait()
threads = [threading.Thread(target=hold) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libc.fflush.argtypes = [ctypes.c_void_p]
out = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_two_arenas():
    assert arenas("free") > 2
    assert arenas("bound") == 2


def arenas(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


class Ring:
    """Only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector as it was."""
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.unfreeze()
    yield
    gc.set_threshold(*thresholds)
    (gc.freeze if frozen else gc.unfreeze)()


@pytest.mark.usefixtures("collector")
def test_state_is_not_searched_while_it_grows_nor_later():
    with growing():
        assert not gc.isenabled()
        state = [Ring() for _ in range(10)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(state)


@pytest.mark.usefixtures("collector")
def test_state_that_was_dropped_is_found_when_the_next_has_grown():
    with growing():
        seen = weakref.ref(Ring())
    gc.collect()
    assert seen() is not None
    with growing():
        pass
    assert seen() is None


@pytest.mark.usefixtures("collector")
def test_the_collector_goes_on_after_a_restore_that_was_cut_off():
    with pytest.raises(RuntimeError), growing():
        raise RuntimeError
    assert gc.isenabled()
