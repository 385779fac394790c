"""How one admitted reading changes a site: its window's set, its latest values, its operation and connectivity."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.contracts import Reading
from app.domain.operation import operation_of
from app.domain.site import Device, Entry, Site
from app.domain.twin_silence import hear, ring, say_transition
from app.domain.twin_state import TwinState
from app.domain.units import MS_PER_S, Milliseconds, Offset
from app.domain.window import Window


def fold_reading(
    state: TwinState, site: Site, device: Device, reading: Reading, record_ms: Milliseconds, offset: Offset
) -> None:
    """Fold a reading that was admitted; the same second again changes no sum, however late it comes."""
    measured_ms = reading.measured_at_ms
    start_ms = measured_ms - measured_ms % state.rules.window_ms
    bit = 1 << (int(measured_ms - start_ms) // MS_PER_S)
    if _add(state, device, start_ms, bit, reading, offset):
        site.applied += 1
        _keep_latest(state, site, device, reading, record_ms, offset)
    else:
        _count_again(site, device, reading)
    state.mark(site)


def hear_readings(
    state: TwinState, site: Site, readings: Iterable[Reading], record_ms: Milliseconds, offset: Offset
) -> None:
    """Take in that a site was heard, once for all readings of a record, if any of them is not old news."""
    if any(record_ms - reading.measured_at_ms <= site.thresholds.delayed_ms for reading in readings):
        hear(state, site, record_ms, offset)


def _add(state: TwinState, device: Device, start_ms: Milliseconds, bit: int, reading: Reading, offset: Offset) -> bool:
    """Return whether the second was new."""
    if state.is_closed(start_ms):
        return _correct(state, device, start_ms, bit, reading, offset)
    entry = device.entry_of(start_ms)
    if entry is None:
        entry = Entry(device, start_ms)
        device.entries.append(entry)
        state.open_window(start_ms).entries.append(entry)
    elif entry.bits & bit:
        return False
    _include(state.open_window(start_ms), entry, bit, reading)
    return True


def _correct(
    state: TwinState, device: Device, start_ms: Milliseconds, bit: int, reading: Reading, offset: Offset
) -> bool:
    window = state.closed.window(start_ms)
    if state.first_window_ms is not None and start_ms < state.first_window_ms:
        window.say_everything(state.known)  # it closed unsaid: this partition began to read after it
    entry = state.closed.entry(window, device)
    if entry.bits & bit:
        return False
    _include(window, entry, bit, reading)
    window.unsaid_sites[device.site] = ("corrected", offset)
    return True


def _include(window: Window, entry: Entry, bit: int, reading: Reading) -> None:
    entry.add(bit, reading.measured_at_ms, reading.active_power_w, reading.state_of_charge_wh)
    window.mark(entry)


def _count_again(site: Site, device: Device, reading: Reading) -> None:
    """Only the latest value is still known, so only of the latest second can a repetition conflict."""
    same_second = (
        device.measured_ms is not None
        and int(device.measured_ms) // MS_PER_S == int(reading.measured_at_ms) // MS_PER_S
    )
    if same_second and device.active_power_w != reading.active_power_w:
        site.conflicting += 1
    else:
        site.duplicate += 1


def _keep_latest(
    state: TwinState, site: Site, device: Device, reading: Reading, record_ms: Milliseconds, offset: Offset
) -> None:
    """The latest is the greatest of min(measured, record time): a clock that runs ahead cannot pin a twin."""
    latest_ms = min(reading.measured_at_ms, record_ms)
    if latest_ms < device.latest_ms:
        return
    device.latest_ms = latest_ms
    device.latest_attended_ms = latest_ms - state.clock.skew_ms
    device.measured_ms = reading.measured_at_ms
    device.heard_ms = record_ms
    device.active_power_w = reading.active_power_w
    _keep_optional(device, reading)
    _operate(state, site, device, offset)
    state.live.mark(site)
    ring(state, site, device.latest_attended_ms + device.stale_after_ms)


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
    before, device.operation = device.operation, _operation(device)
    if device.operation is not None and before != device.operation:
        say_transition(
            state, site, machine="operation", before=before or "unknown", after=device.operation, cause="reading",
            at_ms=device.latest_ms, offset=offset, device=device.name,
        )  # fmt: skip


def _operation(device: Device) -> str | None:
    record = device.record
    if record is None:
        return None
    return operation_of(
        record.kind,
        active_power_w=device.active_power_w,
        rated_power_w=record.rated_power_w,
        state_of_charge_wh=device.state_of_charge_wh,
        usable_capacity_wh=record.usable_capacity_wh,
    )
