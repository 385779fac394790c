"""A site's open windows as answers: they may still change, and are not yet part of its history."""

from __future__ import annotations

import msgspec

from app.domain.contracts import WindowKind


class OpenDevice(msgspec.Struct, frozen=True):
    """What a device adds to an open window."""

    device: str
    readings: int
    sum_w: int
    mean_power_w: int
    energy_import_j: int
    energy_export_j: int
    covered_s: int


class OpenWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window that is not yet closed, by kind and by device."""

    start_ms: int
    end_ms: int
    revision: int
    kinds: dict[str, WindowKind]
    devices: list[OpenDevice]
    oldest_measured_at_ms: int
    newest_measured_at_ms: int
