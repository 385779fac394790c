"""Windows as answers: of base windows, or of any number of them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from app.domain.contracts import RatedPower, WindowKind
from app.domain.units import Watts, divide_half_even
from app.query.coverage import Coverage, window_coverage

SUMMED = ("readings", "sum_w", "energy_import_j", "energy_export_j", "covered_device_s", "expected_device_s")


class Published(msgspec.Struct, frozen=True, gc=False):
    """A window as it was published, of a node or of a site."""

    window_start_ms: int
    window_s: int
    revision: int
    status: str
    state: str
    kinds: dict[str, WindowKind]
    oldest_measured_at_ms: int | None
    newest_measured_at_ms: int | None
    waiting_for: tuple[int, ...] = ()
    rated_power_w: RatedPower | None = None
    state_of_charge_wh: dict[str, int] | None = None


class WindowCount(msgspec.Struct, frozen=True):
    """How many base windows a period has, and how many of them are known."""

    expected: int
    present: int


class WindowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A period: sums of the base windows that are known, and their mean power."""

    start_ms: int
    end_ms: int
    status: str
    state: str
    revision: int
    windows: WindowCount
    waiting_for: tuple[int, ...]
    kinds: dict[str, WindowKind]
    coverage: Coverage
    oldest_measured_at_ms: int | None
    newest_measured_at_ms: int | None
    state_of_charge_wh: dict[str, int] | None = None


read_window = msgspec.json.Decoder(Published).decode


def roll_up(
    base: Sequence[Published], start_ms: int, end_ms: int, *, window_s: int, closed_ms: int
) -> WindowAnswer | None:
    """Return a period of base windows, all inside it; None where not one is known: a gap is a gap.

    Energies and covered seconds are summed. Mean power is the mean over the windows in which anything reported, so
    nothing is made up for a gap; coverage says how much that rests on. Devices are the most of any window. Windows
    before *closed_ms* are closed: one that is not there will not come.
    """
    if not base:
        return None
    expected = (end_ms - start_ms) // (window_s * 1000)
    names = dict.fromkeys(name for one in base for name in one.kinds)
    return WindowAnswer(
        start_ms=start_ms,
        end_ms=end_ms,
        status=_status([one.status for one in base], is_closed=end_ms <= closed_ms or len(base) == expected),
        state=_state([one.state for one in base], is_whole=len(base) == expected),
        revision=max(one.revision for one in base),
        windows=WindowCount(expected, len(base)),
        waiting_for=tuple(sorted({part for one in base for part in one.waiting_for})),
        kinds={name: _sum([one.kinds[name] for one in base if name in one.kinds]) for name in names},
        coverage=window_coverage(base, expected),
        oldest_measured_at_ms=_best(min, (one.oldest_measured_at_ms for one in base)),
        newest_measured_at_ms=_best(max, (one.newest_measured_at_ms for one in base)),
        state_of_charge_wh=base[0].state_of_charge_wh if expected == 1 else None,
    )


def _sum(kinds: list[WindowKind]) -> WindowKind:
    if len(kinds) == 1:
        return kinds[0]
    sums = {field: sum(int(getattr(one, field)) for one in kinds) for field in SUMMED}
    heard = [int(one.mean_power_w) for one in kinds if one.devices_reporting]
    return WindowKind(
        mean_power_w=Watts(divide_half_even(sum(heard), len(heard)) if heard else 0),
        devices_expected=max(one.devices_expected for one in kinds),
        devices_reporting=max(one.devices_reporting for one in kinds),
        **sums,  # type: ignore[arg-type]
    )


def _status(seen: list[str], *, is_closed: bool) -> str:
    """A period is final when all of it is; a window not yet there may still come."""
    if not is_closed or "provisional" in seen:
        return "provisional"
    return "corrected" if "corrected" in seen else "final"


def _state(seen: list[str], *, is_whole: bool) -> str:
    if set(seen) == {"empty"}:
        return "empty"
    return "complete" if is_whole and set(seen) == {"complete"} else "partial"


def _best(choose: Any, values: Iterable[int | None]) -> int | None:
    best: int | None = choose((value for value in values if value is not None), default=None)
    return best
