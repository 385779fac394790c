"""What a device is doing, from its latest reading: charging, discharging, idle, full, empty, consuming, generating."""

from __future__ import annotations

from typing import Final

from app.domain.units import WattHours, Watts

STORAGE_KINDS: Final = frozenset({"battery", "ev_charger", "hybrid"})
KNOWN_KINDS: Final = STORAGE_KINDS | {
    "load",
    "pv",
    "wind",
    "hydro",
    "biomass",
    "heat_pump",
    "res_mix",
    "meter",
}
IDLE_SHARE: Final = 100
"""A power within rated power / IDLE_SHARE of zero is idle: inverters and meters hum."""


def operation_of(
    kind: str,
    *,
    active_power_w: Watts,
    rated_power_w: Watts,
    state_of_charge_wh: WattHours | None,
    usable_capacity_wh: WattHours | None,
) -> str | None:
    """Return the operation state, or None for a kind that has none."""
    if kind not in KNOWN_KINDS:
        return None
    idle = abs(int(active_power_w)) * IDLE_SHARE <= int(rated_power_w)
    if kind in STORAGE_KINDS:
        return _at_rest(state_of_charge_wh, usable_capacity_wh) if idle else _storage(active_power_w)
    if idle:
        return "idle"
    return "consuming" if int(active_power_w) > 0 else "generating"


def _storage(active_power_w: Watts) -> str:
    return "charging" if int(active_power_w) > 0 else "discharging"


def _at_rest(state_of_charge_wh: WattHours | None, usable_capacity_wh: WattHours | None) -> str:
    if state_of_charge_wh is None:
        return "idle"
    if int(state_of_charge_wh) <= 0:
        return "empty"
    if usable_capacity_wh is not None and int(state_of_charge_wh) >= int(usable_capacity_wh):
        return "full"
    return "idle"
