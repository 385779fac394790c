"""A node's window, or its live value, as slots: what each telemetry partition last contributed to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from app.domain.contracts import Contribution, KindLive, KindTotals
from app.domain.rollup_records import PartitionRow, Slot, SlotsRow, decode_partition_row, decode_slots_row
from app.domain.rows import body_of, version_of, with_version
from app.domain.units import Milliseconds, Offset

NODE_TABLE = "node-slots"
PARTITION_KEY = b"p"
WINDOW_PREFIX = b"w"
LIVE_PREFIX = b"l"
NOTHING_APPLIED = Offset(-1)

_encode: Final = msgspec.msgpack.Encoder().encode


class Place(NamedTuple):
    """A node in a window, or live (`start_ms` is None)."""

    node: str
    start_ms: Milliseconds | None

    @property
    def row_key(self) -> bytes:
        if self.start_ms is None:
            return LIVE_PREFIX + self.node.encode()
        return window_key(self.start_ms) + self.node.encode()


def window_key(start_ms: Milliseconds) -> bytes:
    """Return the common prefix of the rows of one window."""
    return WINDOW_PREFIX + int.to_bytes(max(int(start_ms), 0), 8, "big")


def place_of_key(key: bytes) -> Place:
    """Return the place of a row."""
    if key.startswith(LIVE_PREFIX):
        return Place(key[1:].decode(), None)
    return Place(key[9:].decode(), Milliseconds(int.from_bytes(key[1:9], "big")))


class Slots:
    """The slots of one place. `version` is the offset of its row: records up to it are in here already."""

    __slots__ = ("hierarchy", "is_corrected", "level", "place", "revision", "slots", "version")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.level = ""
        self.hierarchy = ""
        self.slots: dict[int, Slot] = {}
        self.revision = NOTHING_APPLIED
        self.is_corrected = False
        self.version = NOTHING_APPLIED

    def replace(self, contribution: Contribution) -> bool | None:
        """Put a contribution into its slot; return whether what it adds up to changed, None if it was older."""
        held = self.slots.get(contribution.partition)
        if held is not None and contribution.version < held.version:
            return None
        self.slots[contribution.partition] = Slot(contribution.version, contribution.window, contribution.live)
        renamed = self._name(contribution)
        return renamed or held is None or (held.window, held.live) != (contribution.window, contribution.live)

    def _name(self, contribution: Contribution) -> bool:
        """A partition that has no topology of a node any more does not know its level."""
        names = (contribution.level, contribution.hierarchy)
        if not contribution.level or names == (self.level, self.hierarchy):
            return False
        self.level, self.hierarchy = names
        return True

    def encode(self, version: Offset) -> bytes:
        """Return the row."""
        row = SlotsRow(self.level, self.hierarchy, self.revision, self.is_corrected, self.slots)
        return with_version(version, _encode(row))


def restore_slots(key: bytes, row: bytes) -> Slots:
    """Return the slots that a row remembers."""
    slots = Slots(place_of_key(key))
    body = decode_slots_row(body_of(row))
    slots.level, slots.hierarchy, slots.revision = body.level, body.hierarchy, body.revision
    slots.is_corrected, slots.slots = body.is_corrected, dict(body.slots)
    slots.version = version_of(row)
    return slots


def encode_partition(row: PartitionRow, version: Offset) -> bytes:
    """Return the partition row."""
    return with_version(version, _encode(row))


def decode_partition(row: bytes) -> PartitionRow:
    """Return what the partition row says."""
    return decode_partition_row(body_of(row))


def add_kinds(shares: Iterable[Mapping[str, KindTotals | KindLive]], measures: int) -> dict[str, tuple[int, ...]]:
    """Return the sums by kind, each of so many measures, kind `all` first: the sum of the others."""
    fields: dict[str, list[tuple[int, ...]]] = {}
    for share in shares:
        for kind, totals in share.items():
            fields.setdefault(kind, []).append(msgspec.structs.astuple(totals))
    kinds = {kind: _sums(held) for kind, held in fields.items()}
    return {"all": _sums(list(kinds.values())) if kinds else (0,) * measures, **kinds}


def _sums(rows: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the sums of columns."""
    return rows[0] if len(rows) == 1 else tuple(map(sum, zip(*rows, strict=True)))
