"""Rows of the view on disk: their keys, what goes before a record, and an overlay of rows not yet written.

n s   topology of a node, of a site          prefix, id
l u   a node's live record, a site's twin    prefix, id
o     a site's row of the changelog          prefix, id
w     a window of a node or a site           prefix, day, owner, start
v     a final revision that was replaced     prefix, day, owner, start, revision
t     a transition                           prefix, day, owner, sequence
j     a rejection                            prefix, day, owner, origin
f g   feeds: keys of transitions, rejections  prefix, day, instant, the key
c k   rejections by reason, clocks           prefix

Day comes first, so that one range per day is dropped when it is too old. An owner is a letter for node or site,
the length of its id, its id: no id is the beginning of another's key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

NODE, SITE, LIVE, TWIN, OPEN = b"n", b"s", b"l", b"u", b"o"
WINDOW, REPLACED, TRANSITION, REJECTION = b"w", b"v", b"t", b"j"
TRANSITIONS, REJECTIONS = b"f", b"g"
COUNTS, CLOCKS = b"c", b"k"
DATED = (WINDOW, REPLACED, TRANSITION, REJECTION, TRANSITIONS, REJECTIONS)
DAY_MS = 86_400_000
HEAD_BYTES = 16


class Rows(Protocol):
    """What is on disk, in order of key."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(self, start: bytes, end: bytes, *, back: bool = False) -> Iterator[tuple[bytes, bytes]]: ...


class Held(NamedTuple):
    """A record as it is kept: its revision, when the broker recorded it, its bytes."""

    revision: int
    recorded_ms: int
    value: bytes


def pack(held: Held) -> bytes:
    """Return the row of a record."""
    return held.revision.to_bytes(8, "big", signed=True) + held.recorded_ms.to_bytes(8, "big", signed=True) + held.value


def unpack(row: bytes) -> Held:
    """Return the record of a row."""
    revision, recorded_ms = row[:8], row[8:HEAD_BYTES]
    return Held(
        int.from_bytes(revision, "big", signed=True), int.from_bytes(recorded_ms, "big", signed=True), row[HEAD_BYTES:]
    )


def day_of(at_ms: int) -> int:
    """Return the day, counted from the epoch, that a row is kept under."""
    return max(at_ms, 0) // DAY_MS


def day_prefix(family: bytes, day: int) -> bytes:
    """Return what the keys of one day of a family begin with."""
    return family + day.to_bytes(4, "big")


def owner_prefix(family: bytes, day: int, kind: bytes, name: str) -> bytes:
    """Return what the keys of one node or site on one day begin with."""
    encoded = name.encode(errors="surrogatepass")
    return day_prefix(family, day) + kind + len(encoded).to_bytes(4, "big") + encoded


def dated_key(family: bytes, at_ms: int, kind: bytes, name: str, *parts: int) -> bytes:
    """Return the key of a row of a node or a site that belongs to an instant."""
    return owner_prefix(family, day_of(at_ms), kind, name) + b"".join(max(part, 0).to_bytes(8, "big") for part in parts)


def feed_key(family: bytes, at_ms: int, key: bytes) -> bytes:
    """Return the key of an entry of a feed."""
    return day_prefix(family, day_of(at_ms)) + max(at_ms, 0).to_bytes(8, "big") + key


def named_key(family: bytes, name: str) -> bytes:
    """Return the key of the only row of a family that a node or site has."""
    return family + name.encode(errors="surrogatepass")


def name_of(key: bytes) -> str:
    """Return the id in such a key."""
    return key[1:].decode(errors="surrogatepass")


def after(prefix: bytes) -> bytes:
    """Return the first key behind all that begin with a prefix; a prefix never is all 0xFF."""
    bare = prefix.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1])


class Draft:
    """Rows as they will be: those not yet written lie over those on disk."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._written: dict[bytes, bytes | None] = {}
        self._dropped: list[tuple[bytes, bytes]] = []

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        return self._written[key] if key in self._written else self.rows.get(key)

    def put(self, key: bytes, row: bytes | None) -> None:
        """Set a row; None removes it."""
        self._written[key] = row

    def drop(self, start: bytes, end: bytes) -> None:
        """Remove the rows with start <= key < end that are on disk."""
        self._dropped.append((start, end))

    def take(self) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes | None]]]:
        """Return what is to be removed first, then written, and forget it."""
        taken = self._dropped, list(self._written.items())
        self._written, self._dropped = {}, []
        return taken


def replaces(draft: Draft, key: bytes, held: Held) -> tuple[bool, Held | None]:
    """Return whether a record is to be kept, and the one before: a lower revision changes nothing."""
    row = draft.get(key)
    before = unpack(row) if row is not None else None
    return before is None or held.revision >= before.revision, before
