"""A wall clock of a worker's own, by libfaketime; the monotonic clock stays."""

from __future__ import annotations

import os
from pathlib import Path

PLACES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/libfaketime.so.1",
)


def library() -> str | None:
    """Return where libfaketime is: at LIBFAKETIME, else where packages put it."""
    given = os.environ.get("LIBFAKETIME", "")
    return next((place for place in (given, *PLACES) if place and Path(place).exists()), None)


def environment(file: Path) -> dict[str, str]:
    """Return what a worker needs to take its wall clock from a file such as `+2h`, again and again."""
    found = library()
    assert found is not None, "libfaketime is not installed; install it, or set LIBFAKETIME to its path"
    return {
        "LD_PRELOAD": found,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
