"""How much a number rests on: devices and rated power that reported, of those that were expected to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app.domain.contracts import ALL_KINDS, LiveKind

if TYPE_CHECKING:
    from app.query.windows import Published


class Coverage(msgspec.Struct, frozen=True):
    """What was expected and what reported; `ratio` is by rated power where that is known, else by devices."""

    devices_expected: int
    devices_reporting: int
    rated_power_expected_w: int | None
    rated_power_reporting_w: int | None
    ratio: float | None


def make_coverage(expected: int, reporting: int, rated_w: int | None = None, heard_w: int | None = None) -> Coverage:
    """Return a coverage with its ratio, which is never more than 1."""
    ratio = heard_w / rated_w if rated_w and heard_w is not None else reporting / expected if expected else None
    return Coverage(expected, reporting, rated_w, heard_w, round(min(ratio, 1.0), 6) if ratio is not None else None)


def live_coverage(total: LiveKind | None) -> Coverage | None:
    """Return what a live number rests on; a device never heard has no part in it, whatever its rated power."""
    if total is None:
        return None
    expected = total.devices_fresh + total.devices_stale + total.devices_never
    if total.devices_never:
        return make_coverage(expected, total.devices_fresh)
    rated_w = int(total.rated_power_w)
    return make_coverage(expected, total.devices_fresh, rated_w, rated_w - int(total.stale_rated_power_w))


def window_coverage(base: Sequence[Published], windows: int) -> Coverage:
    """Return what a period rests on; of windows that are not known, nothing reported."""
    totals = [one.kinds[ALL_KINDS] for one in base if ALL_KINDS in one.kinds]
    expected = max((total.devices_expected for total in totals), default=0)
    reporting = max((total.devices_reporting for total in totals), default=0)
    due_s = sum(int(total.expected_device_s) for total in totals)
    covered_s = sum(int(total.covered_device_s) for total in totals)
    if windows == 1 and base[0].rated_power_w is not None:
        rated = base[0].rated_power_w
        return make_coverage(expected, reporting, int(rated.expected), int(rated.reporting))
    share = min(covered_s / due_s, 1.0) * len(base) / windows if due_s else None
    return Coverage(expected, reporting, None, None, round(share, 6) if share is not None else None)
