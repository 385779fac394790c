"""What a SitePartition says: messages for other roles and for consumers, in the order of `SiteSayings`."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from app.domain.contracts import (
    Completeness,
    Contribution,
    Reason,
    SiteWindow,
    Status,
    Transition,
    TwinCounts,
    TwinDevice,
    TwinUpdated,
    Watermark,
    WindowKind,
)
from app.domain.device_clock import skew_s, worst_of
from app.domain.entry import NEVER, Entry, known_ms
from app.domain.rows import Record
from app.domain.site import Device, Site
from app.domain.units import Milliseconds, Offset, Seconds
from app.domain.window import span

_msgpack: Final = msgspec.msgpack.Encoder().encode
_json: Final = msgspec.json.Encoder().encode


class Rejected(NamedTuple):
    """A record that was refused, or of whose array the readings at `items` were."""

    record: Record
    reason: Reason
    detail: str
    items: tuple[int, ...]


class SiteSayings(NamedTuple):
    """Messages since the last time: contributions by node, then the watermark, behind them in every partition."""

    contributions: list[tuple[str, bytes]]
    watermark: bytes | None
    site_windows: list[tuple[str, bytes, bytes]]
    twins: list[tuple[str, bytes]]
    transitions: list[tuple[str, bytes]]
    rejections: list[Rejected]


def encode_message(message: Contribution | Watermark) -> bytes:
    """Return what goes to `contributed`."""
    return _msgpack(message)


def encode_transition(transition: Transition) -> bytes:
    """Return a transition as JSON."""
    return _json(transition)


def completeness_of(total: WindowKind) -> Completeness:
    """Return whether what was expected of a window is there."""
    if not total.readings:
        return "empty"
    return "complete" if total.covered_device_s >= total.expected_device_s else "partial"


def encode_site_window(
    site: Site,
    kinds: dict[str, WindowKind],
    entries: list[Entry],
    *,
    window_s: Seconds,
    revision: Offset,
    status: Status,
) -> tuple[str, bytes, bytes]:
    """Return site, key and JSON of a closed window of a site."""
    oldest, newest = span(entries)
    record = SiteWindow(
        node=site.name,
        window_start_ms=entries[0].start_ms,
        window_s=window_s,
        revision=revision,
        status=status,
        state=completeness_of(kinds["all"]),
        kinds=kinds,
        state_of_charge_wh={one.device.name: one.soc_wh for one in entries if one.soc_wh is not None},
        oldest_measured_at_ms=oldest,
        newest_measured_at_ms=newest,
    )
    return site.name, b"%s|%d" % (site.key, entries[0].start_ms), _json(record)


def encode_twin(site: Site, *, revision: Offset, as_of_ms: Milliseconds) -> bytes:
    """Return the whole twin as JSON."""
    devices = [_twin_device(device) for device in sorted(site.devices, key=_name_of)]
    return _json(
        TwinUpdated(
            site=site.name,
            revision=revision,
            as_of_ms=as_of_ms,
            connectivity=site.connectivity.word,
            heard_at_ms=known_ms(site.heard_ms),
            quarantined=site.quarantined_at is not None,
            devices=devices,
            readings=TwinCounts(site.applied, site.duplicate, site.conflicting),
            clock_skew_s=worst_of(one.clock_skew_s for one in devices),
        )
    )


def _name_of(device: Device) -> str:
    return device.name


def _twin_device(device: Device) -> TwinDevice:
    heard = device.heard_ms != NEVER
    return TwinDevice(
        device=device.name,
        kind=device.record.kind if device.record is not None else None,
        operation=device.operation,
        measured_at_ms=known_ms(device.measured_ms),
        heard_at_ms=known_ms(device.heard_ms),
        active_power_w=device.active_power_w if heard else None,
        reactive_power_var=device.reactive_power_var,
        state_of_charge_wh=device.state_of_charge_wh,
        energy_import_wh=device.energy_import_wh,
        energy_export_wh=device.energy_export_wh,
        clock_skew_s=skew_s(device),
    )
