"""Rows of the rollup table as records."""

from __future__ import annotations

import msgspec

from app.domain.contracts import LiveTotals, WindowTotals
from app.domain.units import Milliseconds, Offset


class Slot(msgspec.Struct, array_like=True, frozen=True):
    """What one telemetry partition last said, and the telemetry offset at which it was so."""

    version: Offset
    window: WindowTotals | None
    live: LiveTotals | None


class SlotsRow(msgspec.Struct, array_like=True, frozen=True):
    level: str
    hierarchy: str
    revision: Offset
    is_corrected: bool
    slots: dict[int, Slot]


class PartitionRow(msgspec.Struct, array_like=True, frozen=True):
    """Written last of every flush: watermarks are [first window, closed through] by telemetry partition."""

    partitions: int
    window_ms: Milliseconds
    watermarks: dict[int, tuple[Milliseconds, Milliseconds]]
    expired_through_ms: Milliseconds | None
    expired_contributions: int


decode_slots_row = msgspec.msgpack.Decoder(SlotsRow).decode
decode_partition_row = msgspec.msgpack.Decoder(PartitionRow).decode
