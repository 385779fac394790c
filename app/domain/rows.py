"""Rows: what a machine remembers. A row is its version (8 bytes, big-endian) followed by its body.

Recovery and stores compare the first 8 bytes and keep the newest; a tombstone is `None`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from app.domain.units import Offset

VERSION_BYTES = 8


class Rows(NamedTuple):
    """Rows of one table in the order in which they must reach its changelog."""

    table: str
    rows: list[tuple[bytes, bytes | None]]


class RowReader(Protocol):
    """Reads a partition's rows, those drained but not yet stored included."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return the row, or None."""

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows with start <= key < end in order of key."""


class Record(Protocol):
    """What a machine needs of a consumed record; aiokafka's records have it. Timestamps in milliseconds."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


def with_version(version: Offset, body: bytes) -> bytes:
    """Return the row: the version, shifted by one so that "nothing yet" (-1) fits, then the body."""
    return int.to_bytes(int(version) + 1, VERSION_BYTES, "big") + body


def version_of(row: bytes) -> Offset:
    """Return the version with which a row was written."""
    return Offset(int.from_bytes(row[:VERSION_BYTES], "big") - 1)


def body_of(row: bytes) -> bytes:
    """Return the row without its version."""
    return row[VERSION_BYTES:]
