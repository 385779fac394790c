"""Where a replay stands: a file that an interrupted one goes on from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.dataset.format import META, Dataset

_encode = msgspec.json.Encoder().encode


class Course(NamedTuple):
    """Everything that decides which record stands where in the stream."""

    broker: str
    seed: int
    shares: tuple[float, ...]


class Position(msgspec.Struct, frozen=True):
    """Everything up to this tick is acknowledged; `records` are in the topic because of it."""

    course: Course
    ticked_at_ms: int
    records: int


class PositionFile:
    """Keeps the position of one dataset's replay."""

    def __init__(self, directory: Path, dataset: Dataset, course: Course) -> None:
        description = msgspec.json.encode(dataset.meta)
        self._path = directory / f"{META}.{hashlib.sha256(description).hexdigest()[:16]}.json"
        self._course = course

    def read(self, records_there: int) -> Position | None:
        """Return where to go on; nothing if the course is another one, or the topic lost what it held."""
        try:
            held = msgspec.json.decode(self._path.read_bytes(), type=Position)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        return held if held.course == self._course and held.records <= records_there else None

    def write(self, ticked_at_ms: int, records: int) -> None:
        """Note a tick; written aside and renamed, so that it is whole or not there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(_encode(Position(self._course, ticked_at_ms, records)))
        partial.rename(self._path)

    def forget(self) -> None:
        """Begin anew the next time."""
        self._path.unlink(missing_ok=True)
