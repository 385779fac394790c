"""Whether a device's clock is off, told from its own readings and the record times beside them.

    ahead    measured later than its record came: only a clock can do that, so it is known at once
    behind   late by more than liveness forgives, and as much later each time: time passes in both alike
    backlog  late, and less late each time: what was kept while the site was away comes faster than it was measured

A clock that is off changes nothing but its own readings: record times decide when windows close, what is heard
and what is latest; what is beyond the limits is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from app.domain.entry import NEVER
from app.domain.site import Device, Site
from app.domain.units import MS_PER_S, Milliseconds, Seconds, divide_half_even, to_milliseconds

EARLIEST_MS = Milliseconds(-5_000)
"""A reading may come so long before it was measured: the broker's clock is not exact either."""
BEHIND_INTERVALS = 2
"""Reporting intervals between two late readings that are compared."""
TOLERANCE = 4
"""The time between two records may differ by a fourth from that between their readings."""


class OffTime(NamedTuple):
    """What is known of a device that is off time: its skew, and the late reading that the next is compared with."""

    skew_ms: Milliseconds | None
    measured_ms: Milliseconds
    record_ms: Milliseconds


def is_on_time(site: Site, late_ms: Milliseconds) -> bool:
    """Whether a reading that came so long after it was measured says nothing against the device's clock."""
    return EARLIEST_MS <= late_ms <= site.delayed_ms


def observe(site: Site, device: Device, measured_ms: Milliseconds, record_ms: Milliseconds) -> bool:
    """Take in a reading that was off time, or that follows one that was; return whether that told anything new."""
    before = device.off_time
    late_ms = record_ms - measured_ms
    if is_on_time(site, late_ms):
        device.off_time = None
    elif late_ms < Milliseconds(0):
        device.off_time = OffTime(-late_ms, measured_ms, record_ms)
    else:
        device.off_time = _late(device, OffTime(None, measured_ms, record_ms))
    return device.off_time != before


def _late(device: Device, now: OffTime) -> OffTime:
    """Compare with a late reading some intervals before; until there is one nothing more is known."""
    held = device.off_time
    if held is None or held.measured_ms > held.record_ms:
        return now
    passed_ms = now.measured_ms - held.measured_ms
    if passed_ms < _apart(device):
        return held
    off_ms = abs(int(now.record_ms - held.record_ms) - int(passed_ms))
    is_steady = off_ms * TOLERANCE <= int(passed_ms)
    return now._replace(skew_ms=now.measured_ms - now.record_ms) if is_steady else now


def _apart(device: Device) -> Milliseconds:
    interval_s = device.record.reporting_interval_s if device.record is not None else Seconds(1)
    return to_milliseconds(interval_s) * BEHIND_INTERVALS


def skew_s(device: Device) -> Seconds | None:
    """Return by how much its clock is ahead (behind: negative), 0 for one that is on time, None if not known."""
    off_time = device.off_time
    if off_time is None:
        return None if device.heard_ms == NEVER else Seconds(0)
    return None if off_time.skew_ms is None else Seconds(divide_half_even(int(off_time.skew_ms), MS_PER_S))


def worst_of(skews_s: Iterable[Seconds | None]) -> Seconds | None:
    """Return the skew of the clock that is furthest off, None if of none anything is known."""
    known = [skew for skew in skews_s if skew is not None]
    return max(known, key=lambda skew: (abs(int(skew)), int(skew)), default=None)
