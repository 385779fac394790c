"""A worker's metrics as a file beside its state, whole at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

NAME = "metrics.json"


def metrics_writer(directory: Path) -> Callable[[dict[str, object]], None]:
    """Return a function that puts a snapshot in the place of the one before."""
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f"{NAME}.{os.getpid()}"

    def write(snapshot: dict[str, object]) -> None:
        partial.write_bytes(msgspec.json.encode({"pid": os.getpid(), **snapshot}))
        partial.replace(directory / NAME)

    return write


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return the last snapshot, or nothing."""
    try:
        found: dict[str, Any] = msgspec.json.decode((directory / NAME).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
    return found
