"""How far a copy came, in a file: what a run that is cut off leaves to the next one."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from app.errors import GridtwinError
from app.generation import root_of
from app.kafka.repartition_course import NOT_STARTED


class Progress(msgspec.Struct):
    """What was read of the old partitions, and where the new ones ended then: all of it is acknowledged.

    `ends` is how far the run meant to read. Up to there the order is settled, so what it published without noting it is
    the beginning of what comes next.
    """

    partitions: int
    positions: dict[int, int]
    ends: dict[int, int]
    stream_ms: dict[int, int]
    ticked_ms: int
    written: dict[int, int]
    whole_from_ms: int


def not_started(partitions: int) -> Progress:
    """Return the progress of a copy of which nothing was done."""
    return Progress(partitions, {}, {}, {}, NOT_STARTED, dict.fromkeys(range(partitions), 0), 0)


class ProgressFile:
    """Holds the progress of the copy to one generation, whole or not at all."""

    def __init__(self, directory: Path, generation: int) -> None:
        self._root = root_of(generation)
        self.path = directory / f"repartition-{self._root}.json"

    @property
    def begin_again(self) -> str:
        """What to do where a copy cannot go on."""
        return f"delete the topics {self._root}* and {self.path} to begin again"

    def foreign(self, topic: str) -> GridtwinError:
        """Return what to tell when somebody else wrote where only the copy may."""
        return GridtwinError(f"{topic} holds what this copy did not write: let nobody else write there, a second copy "
                             f"neither; {self.begin_again}")  # fmt: skip

    def read(self) -> Progress | None:
        """Return what is held; None if no copy is under way."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise GridtwinError(f"{self.path} does not say how far a copy came: {error}; {self.begin_again}") from error

    def write(self, progress: Progress) -> None:
        """Write aside and rename, so that the file is whole or as it was."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(progress))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path)

    def delete(self) -> None:
        """Forget the copy: it is finished."""
        self.path.unlink()
