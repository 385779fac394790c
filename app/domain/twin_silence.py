"""Connectivity of the sites of a partition: what was heard, and what attended time does to those that are not."""

from __future__ import annotations

from heapq import heappop, heappush

from app.domain.connectivity import HEARD, SILENCE, Connectivity, next_silence, on_heard
from app.domain.contracts import Machine, Transition
from app.domain.entry import NEVER
from app.domain.site import EPOCH, NO_ALARM, Device, Site
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Offset


def hear(state: TwinState, site: Site, record_ms: Milliseconds, offset: Offset) -> None:
    """Take in that a site said something that was new when it arrived."""
    heard_attended_ms, before_ms = record_ms - state.clock.skew_ms, site.heard_attended_ms
    if heard_attended_ms > before_ms:
        site.heard_attended_ms = heard_attended_ms
        site.heard_ms = record_ms
    if site.connectivity is not Connectivity.ONLINE:
        is_in_a_row = heard_attended_ms - before_ms < site.delayed_ms
        site.heard_in_a_row = site.heard_in_a_row + 1 if is_in_a_row else 1
        after = on_heard(site.connectivity, site.heard_in_a_row, site.thresholds)
        _change(state, site, after, cause=HEARD, at_ms=record_ms, offset=offset)
        watch(state, site)


def expect_changes(state: TwinState, site: Site) -> None:
    """Note when a site's devices change, as far as that lies ahead."""
    now_ms = max(state.clock.stream_ms, EPOCH)
    for device in site.devices:
        if device.record is not None:
            for at_ms in (device.record.valid_from_ms, device.record.valid_to_ms):
                if at_ms is not None and at_ms > now_ms:
                    heappush(state.device_changes, (at_ms, site.name))


def change_devices(state: TwinState) -> None:
    """Judge silence by the devices that sites have by now."""
    while state.device_changes and state.device_changes[0][0] <= state.clock.stream_ms:
        site = state.sites.get(heappop(state.device_changes)[1])
        if site is not None:
            site.expect(state.rules, state.clock.stream_ms)
            watch(state, site)


def look(state: TwinState, offset: Offset) -> None:
    """Judge the sites whose time has come."""
    alarms, attended_ms = state.alarms, state.clock.attended_ms
    while alarms.next_ms <= attended_ms:
        alarm = alarms.due(attended_ms)
        if alarm is None:
            _put_off(state)
        elif (site := state.sites.get(alarm[1])) is not None and site.look_at_ms == alarm[0]:
            site.look_at_ms = NO_ALARM
            _judge(state, site, attended_ms, offset)
            watch(state, site)


def _put_off(state: TwinState) -> None:
    """Begin a second: most of its sites were heard since their alarm was set, and have until later."""
    second_ms, sites = state.alarms.begin()
    for site in sites:
        state.alarms.set(site, _next_look(site, second_ms - Milliseconds(1)))


def watch(state: TwinState, site: Site) -> None:
    """Set a site's alarm for the next time at which its silence, or that of a device, changes something."""
    state.alarms.set(site, _next_look(site, state.clock.attended_ms))


def _next_look(site: Site, attended_ms: Milliseconds) -> Milliseconds:
    """Return the next time after *attended_ms* at which its silence, or that of a device, changes something."""
    due_ms = _silence_due(site)
    for device in site.devices:
        due_ms = min(due_ms, _stale_due(device, attended_ms))
    return due_ms


def _judge(state: TwinState, site: Site, attended_ms: Milliseconds, offset: Offset) -> None:
    """A time-driven transition happens, and is stamped, at last heard + threshold."""
    for device in site.devices:
        if not device.is_fresh(attended_ms):
            state.live.mark(site)
    while (step := next_silence(site.connectivity, site.thresholds)) is not None:
        due_ms = site.heard_attended_ms + step[0]
        if due_ms > attended_ms:
            return
        _change(state, site, step[1], cause=SILENCE, at_ms=due_ms + state.clock.skew_ms, offset=offset)


def _change(
    state: TwinState, site: Site, after: Connectivity, *, cause: str, at_ms: Milliseconds, offset: Offset
) -> None:
    before, site.connectivity = site.connectivity, after
    if after in (Connectivity.OFFLINE, Connectivity.ONLINE):
        site.heard_in_a_row = 0
    state.mark(site)
    state.live.mark(site)
    if before is not after:
        say_transition(
            state, site, machine="connectivity", before=before.word, after=after.word, cause=cause, at_ms=at_ms,
            offset=offset,
        )  # fmt: skip


def say_transition(
    state: TwinState, site: Site, *, machine: Machine, before: str, after: str, cause: str, at_ms: Milliseconds,
    offset: Offset, device: str | None = None,
) -> None:  # fmt: skip
    """Record one step of a state machine; its number within the site is the same in every replay."""
    site.sequence += 1
    state.transitions.append(
        Transition(
            site=site.name,
            device=device,
            machine=machine,
            before=before,
            after=after,
            cause=cause,
            at_ms=at_ms,
            sequence=site.sequence,
            revision=offset,
        )
    )


def _silence_due(site: Site) -> Milliseconds:
    step = next_silence(site.connectivity, site.thresholds)
    return site.heard_attended_ms + step[0] if step is not None else NO_ALARM


def _stale_due(device: Device, attended_ms: Milliseconds) -> Milliseconds:
    if device.latest_attended_ms == NEVER or not device.is_fresh(attended_ms):
        return NO_ALARM
    return device.latest_attended_ms + device.stale_after_ms
