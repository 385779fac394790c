"""Rows of the twin tables as records: what `site_rows` reads. It writes the same fields in the same order."""

from __future__ import annotations

import msgspec

from app.domain.connectivity import Connectivity
from app.domain.units import Milliseconds, Offset, WattHours, Watts


class EntryRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    start_ms: Milliseconds
    bits: bytes
    sum_w: Watts
    positive_sum_w: Watts
    oldest_ms: Milliseconds
    newest_ms: Milliseconds
    soc_wh: WattHours | None
    soc_measured_ms: Milliseconds


class DeviceRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    name: str
    measured_ms: Milliseconds | None
    latest_ms: Milliseconds
    latest_attended_ms: Milliseconds
    heard_ms: Milliseconds | None
    active_power_w: Watts
    reactive_power_var: int | None
    state_of_charge_wh: WattHours | None
    energy_import_wh: WattHours | None
    energy_export_wh: WattHours | None
    operation: str | None
    entries: list[EntryRow]
    off_time: tuple[Milliseconds | None, Milliseconds, Milliseconds] | None = None


class SiteRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    connectivity: Connectivity
    heard_ms: Milliseconds | None
    heard_attended_ms: Milliseconds
    heard_in_a_row: int
    sequence: int
    quarantined_at: Offset | None
    applied: int
    duplicate: int
    conflicting: int
    devices: list[DeviceRow]


class PartitionRow(msgspec.Struct, array_like=True, frozen=True):
    """What a partition knows besides its sites; written after everything that it vouches for."""

    partitions: int
    window_ms: Milliseconds
    window_blocks: int
    stream_ms: Milliseconds
    skew_ms: Milliseconds
    first_window_ms: Milliseconds | None
    closed_through_ms: Milliseconds | None
    expired_through_ms: Milliseconds | None
    twins_said: Offset
    topology: tuple[Offset, Offset]
    restate_from_ms: Milliseconds | None
    records: int
    ticks: int
    rejected: dict[str, int]
    redescribed_after: Offset | None = None


BlockRow = dict[str, dict[str, EntryRow]]
"""Site id -> device -> entry."""

decode_site = msgspec.msgpack.Decoder(SiteRow).decode
decode_partition_row = msgspec.msgpack.Decoder(PartitionRow).decode
decode_block_row = msgspec.msgpack.Decoder(BlockRow).decode
