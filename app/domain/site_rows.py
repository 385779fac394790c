"""Rows of the twin tables: their keys, and state to bytes and back.

site-twin     b"p"                      the partition row, last of every flush
              b"n" + node               a node to which this partition has contributed
              b"s" + site               a site, all its devices, their entries of open windows and those of
                                        windows closed or corrected since the partition row before
site-window   b"w" + start + block      a block of the sites of a closed window (start: 8 bytes, block: 4)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from app.domain.alike import one_of
from app.domain.device_clock import OffTime
from app.domain.entry import NEVER, Entry, known_ms, time_of
from app.domain.rows import body_of, version_of, with_version
from app.domain.site import NOTHING_FOLDED, Device, Site
from app.domain.site_records import (
    DeviceRow,
    EntryRow,
    PartitionRow,
    decode_block_row,
    decode_partition_row,
    decode_site,
)
from app.domain.units import Milliseconds, Offset

SITE_TABLE = "site-twin"
WINDOW_TABLE = "site-window"
PARTITION_KEY = b"p"
NODE_PREFIX = b"n"
SITE_PREFIX = b"s"
WINDOW_PREFIX = b"w"
_START_BYTES = 8
_BLOCK_BYTES = 4

_EntryFields = tuple[object, ...]
_DeviceFields = tuple[object, ...]
_encode: Final = msgspec.msgpack.Encoder().encode


def window_key(start_ms: Milliseconds, block: int | None = None) -> bytes:
    """Return the key of a block, or the common prefix of all blocks of a window."""
    prefix = WINDOW_PREFIX + int.to_bytes(max(int(start_ms), 0), _START_BYTES, "big")
    return prefix if block is None else prefix + block.to_bytes(_BLOCK_BYTES, "big")


def start_of_key(key: bytes) -> Milliseconds:
    """Return the window start in the key of a block."""
    return Milliseconds(int.from_bytes(key[1 : 1 + _START_BYTES], "big"))


def block_of_key(key: bytes) -> int:
    """Return the block in the key of a block."""
    return int.from_bytes(key[1 + _START_BYTES :], "big")


def encode_site(site: Site, version: Offset) -> bytes:
    """Return the row of a site: the fields of `SiteRow`."""
    row = (
        site.connectivity,
        known_ms(site.heard_ms),
        site.heard_attended_ms,
        site.heard_in_a_row,
        site.sequence,
        site.quarantined_at,
        site.applied,
        site.duplicate,
        site.conflicting,
        [_device_fields(device) for device in site.devices if device.heard_ms != NEVER or device.off_time],
    )
    return with_version(version, _encode(row))


def restore_site(name: str, row: bytes, *, closed_ms: Milliseconds = NEVER, stored: Offset = NOTHING_FOLDED) -> Site:
    """Return the site that a row remembers; the topology still has to describe it.

    Of a row no newer than *stored* entries of windows before *closed_ms* are in blocks: they are left out.
    """
    site = Site(name)
    site.version = version_of(row)
    from_ms = closed_ms if site.version <= stored else NEVER
    body = decode_site(body_of(row))
    site.connectivity = body.connectivity
    site.heard_ms = time_of(body.heard_ms)
    site.heard_attended_ms = body.heard_attended_ms
    site.heard_in_a_row = body.heard_in_a_row
    site.sequence = body.sequence
    site.quarantined_at = body.quarantined_at
    site.applied, site.duplicate, site.conflicting = body.applied, body.duplicate, body.conflicting
    for one in body.devices:
        site.add(_restore_device(site, one, from_ms))
    return site


def encode_partition(row: PartitionRow, version: Offset) -> bytes:
    """Return the partition row of a flush that includes every record up to *version*."""
    return with_version(version, _encode(row))


def decode_partition(row: bytes) -> PartitionRow:
    """Return what the partition row says."""
    return decode_partition_row(body_of(row))


def encode_block(entries: Iterable[Entry], version: Offset) -> bytes:
    """Return the row of a block of sites of one closed window."""
    block: dict[str, dict[str, _EntryFields]] = {}
    for entry in entries:
        block.setdefault(entry.device.site.name, {})[entry.device.name] = _entry_fields(entry)
    return with_version(version, _encode(block))


def decode_block(row: bytes) -> Iterator[tuple[str, str, EntryRow]]:
    """Yield site, device and entry of every device in a block."""
    for site, devices in decode_block_row(body_of(row)).items():
        for device, entry in devices.items():
            yield site, device, entry


def restore_entry(device: Device, row: EntryRow) -> Entry:
    """Return the entry that a row remembers; nothing of it is in any total yet."""
    entry = Entry(device, row.start_ms)
    entry.bits = int.from_bytes(row.bits, "little")
    entry.sum_w = row.sum_w
    entry.positive_sum_w = row.positive_sum_w
    entry.oldest_ms = row.oldest_ms
    entry.newest_ms = row.newest_ms
    entry.soc_wh = row.soc_wh
    entry.soc_measured_ms = row.soc_measured_ms
    return entry


def _entry_fields(entry: Entry) -> _EntryFields:
    bits = entry.bits
    return (
        entry.start_ms,
        bits.to_bytes((bits.bit_length() + 7) // 8, "little"),
        entry.sum_w,
        entry.positive_sum_w,
        entry.oldest_ms,
        entry.newest_ms,
        entry.soc_wh,
        entry.soc_measured_ms,
    )


def _device_fields(device: Device) -> _DeviceFields:
    return (
        device.name,
        known_ms(device.measured_ms),
        device.latest_ms,
        device.latest_attended_ms,
        known_ms(device.heard_ms),
        device.active_power_w,
        device.reactive_power_var,
        device.state_of_charge_wh,
        device.energy_import_wh,
        device.energy_export_wh,
        device.operation,
        [_entry_fields(entry) for entry in device.entries],
        device.off_time,
    )


def _restore_device(site: Site, row: DeviceRow, from_ms: Milliseconds) -> Device:
    device = Device(site, row.name)
    device.measured_ms = time_of(row.measured_ms)
    device.latest_ms = row.latest_ms
    device.latest_attended_ms = row.latest_attended_ms
    device.heard_ms = time_of(row.heard_ms)
    device.active_power_w = row.active_power_w
    device.reactive_power_var = row.reactive_power_var
    device.state_of_charge_wh = row.state_of_charge_wh
    device.energy_import_wh = row.energy_import_wh
    device.energy_export_wh = row.energy_export_wh
    device.operation = one_of(row.operation)
    device.off_time = OffTime(*row.off_time) if row.off_time is not None else None
    for one in row.entries:
        if one.start_ms >= from_ms:
            device.entries.append(restore_entry(device, one))
    return device
