"""What the driver asks of the machine of one partition, and what it gives it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

Message = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value, headers."""


class Outgoing(NamedTuple):
    """Messages for one partition of a topic, in order."""

    topic: str
    partition: int
    messages: list[Message]


class Rows(NamedTuple):
    """Rows of one table in the order in which they must reach its changelog; None is a tombstone."""

    table: str
    rows: list[tuple[bytes, bytes | None]]


class Reader(Protocol):
    """Reads a partition's stored rows."""

    def get(self, table: str, key: bytes) -> bytes | None: ...

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]: ...


class Machine(Protocol):
    """The state of one source partition. All of it is synchronous; the driver does the waiting."""

    @property
    def offset(self) -> int:
        """Offset of the last source record folded, -1 for none."""

    def apply(self, records: Sequence[Any], *, settled: bool) -> bool:
        """Fold records; False asks to look up what is unknown and to call again with `settled`."""

    def caught_up_at(self, end_offset: int) -> None:
        """Learn where the source ended when it was restored, and when no former owner could go on any more."""

    def say(self, *, behind: bool, checkpoint: bool, now_s: float) -> list[Outgoing]:
        """Take the messages since the last time; without a *checkpoint*, some may wait for the next one."""

    def announce(self) -> Sequence[tuple[str, list[tuple[bytes, bytes | None]]]]:
        """Take the rows that have to be in the changelog before the messages of `say` are sent."""

    def remember(self) -> Sequence[tuple[str, list[tuple[bytes, bytes | None]]]]:
        """Take the rows since the last time, in stages; each is acknowledged before the next is sent."""

    def remembered(self) -> None:
        """Learn that the rows are in the changelog and on disk."""
