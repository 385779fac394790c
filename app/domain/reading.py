"""A reading in memory."""

from __future__ import annotations

from app.domain.units import Milliseconds, WattHours, Watts


class Reading:
    """The fields of the contract's record: compiled code reads these at once, where it looks up those of a record."""

    __slots__ = (
        "active_power_w",
        "device",
        "energy_export_wh",
        "energy_import_wh",
        "measured_at_ms",
        "reactive_power_var",
        "state_of_charge_wh",
    )

    def __init__(
        self, device: str, measured_at_ms: Milliseconds, active_power_w: Watts, reactive_power_var: int | None,
        state_of_charge_wh: WattHours | None, energy_import_wh: WattHours | None, energy_export_wh: WattHours | None,
    ) -> None:  # fmt: skip
        self.device = device
        self.measured_at_ms = measured_at_ms
        self.active_power_w = active_power_w
        self.reactive_power_var = reactive_power_var
        self.state_of_charge_wh = state_of_charge_wh
        self.energy_import_wh = energy_import_wh
        self.energy_export_wh = energy_export_wh
