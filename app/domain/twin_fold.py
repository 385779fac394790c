"""How one admitted reading changes a site: its window's set, its latest values, its operation and connectivity."""

from __future__ import annotations

from app.domain.operation import operation_of
from app.domain.reading import Reading
from app.domain.site import Device, Site
from app.domain.twin_silence import hear, say_transition
from app.domain.twin_state import TwinState
from app.domain.units import MS_PER_S, Milliseconds, Offset, WattHours, Watts


def fold_reading(
    state: TwinState, site: Site, device: Device, reading: Reading, record_ms: Milliseconds, offset: Offset
) -> None:
    """Fold a reading that was admitted; the same second again changes no sum, however late it comes."""
    measured_ms, power_w = reading.measured_at_ms, reading.active_power_w
    if _add(state, device, measured_ms, power_w, reading.state_of_charge_wh, offset):
        site.applied += 1
        latest_ms = min(measured_ms, record_ms)
        if latest_ms >= device.latest_ms:
            device.measured_ms, device.active_power_w = measured_ms, power_w
            _keep_latest(state, site, device, reading, record_ms, latest_ms)
            _operate(state, site, device, offset)
    else:
        _count_again(state, site, device, reading)
    if not (site.is_dirty and site.is_twin_dirty):
        state.mark(site)


def hear_record(state: TwinState, site: Site, newest_ms: Milliseconds, record_ms: Milliseconds, offset: Offset) -> None:
    """Take in that a site was heard, once for all readings of a record, unless its newest reading is old news."""
    if record_ms - newest_ms <= site.delayed_ms:
        hear(state, site, record_ms, offset)


def _add(
    state: TwinState, device: Device, measured_ms: Milliseconds, power_w: Watts, soc_wh: WattHours | None,
    offset: Offset,
) -> bool:  # fmt: skip
    """Return whether the second was new."""
    start_ms = measured_ms - measured_ms % state.window_ms
    closed_ms = state.closed_through_ms
    if closed_ms is not None and start_ms < closed_ms:
        return _correct(state, device, start_ms, measured_ms, power_w, soc_wh, offset)
    entry = device.entry_of(start_ms)
    if entry is not None and entry.is_added and entry.added is None:
        state.open_window(start_ms).keep(entry)
    if entry is None:
        entry = device.begin(start_ms)
        state.open_window(start_ms).entries.append(entry)
    if not entry.add(measured_ms, power_w, soc_wh):
        return False
    if not entry.is_changed:
        state.open_window(start_ms).mark(entry)
    return True


def _correct(
    state: TwinState, device: Device, start_ms: Milliseconds, measured_ms: Milliseconds, power_w: Watts,
    soc_wh: WattHours | None, offset: Offset,
) -> bool:  # fmt: skip
    window = state.closed.window(start_ms)
    if state.first_window_ms is not None and start_ms < state.first_window_ms:
        window.say_everything(state.known)  # it closed unsaid: this partition began to read after it
    entry = state.closed.entry(window, device)
    window.keep(entry)
    if not entry.add(measured_ms, power_w, soc_wh):
        return False
    window.mark(entry)
    window.unsaid_sites[device.site] = ("corrected", offset)
    return True


def _count_again(state: TwinState, site: Site, device: Device, reading: Reading) -> None:
    """Only the latest value is still known, so only of the latest second can a repetition conflict."""
    same_second = int(device.measured_ms) // MS_PER_S == int(reading.measured_at_ms) // MS_PER_S
    if same_second and device.active_power_w != reading.active_power_w:
        site.conflicting += 1
        state.conflicting += 1
    else:
        site.duplicate += 1
        state.duplicate += 1


def _keep_latest(
    state: TwinState, site: Site, device: Device, reading: Reading, record_ms: Milliseconds, latest_ms: Milliseconds
) -> None:
    """The latest is the greatest of min(measured, record time): a clock that runs ahead cannot pin a twin."""
    device.latest_ms = latest_ms
    device.latest_attended_ms = latest_ms - state.clock.skew_ms
    device.heard_ms = record_ms
    _keep_optional(device, reading)
    if not site.is_live_dirty:
        state.live.mark(site)
    due_ms = device.latest_attended_ms + device.stale_after_ms
    if due_ms < site.look_at_ms:
        state.alarms.set(site, due_ms)


def _keep_optional(device: Device, reading: Reading) -> None:
    """A value that a reading leaves out stays as it was last known."""
    if reading.reactive_power_var is not None:
        device.reactive_power_var = reading.reactive_power_var
    if reading.state_of_charge_wh is not None:
        device.state_of_charge_wh = reading.state_of_charge_wh
    if reading.energy_import_wh is not None:
        device.energy_import_wh = reading.energy_import_wh
    if reading.energy_export_wh is not None:
        device.energy_export_wh = reading.energy_export_wh


def _operate(state: TwinState, site: Site, device: Device, offset: Offset) -> None:
    before = device.operation
    device.operation = operation_of(
        device.kind,
        active_power_w=device.active_power_w,
        rated_power_w=device.rated_power_w,
        state_of_charge_wh=device.state_of_charge_wh,
        usable_capacity_wh=device.usable_capacity_wh,
    )
    if device.operation != before and device.operation is not None:
        say_transition(
            state, site, machine="operation", before=before or "unknown", after=device.operation, cause="reading",
            at_ms=device.latest_ms, offset=offset, device=device.name,
        )  # fmt: skip
