"""How stream time closes the windows of a partition."""

from __future__ import annotations

from app.domain.attendance import NOT_STARTED
from app.domain.site import Site
from app.domain.twin_silence import change_devices, look
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Offset
from app.domain.window import Window


def advance(state: TwinState, timestamp_ms: Milliseconds, offset: Offset) -> None:
    """Take in a record's timestamp: close the windows now due, then judge silence."""
    if timestamp_ms <= state.clock.stream_ms:
        return
    is_first = state.clock.stream_ms == NOT_STARTED
    state.clock.advance(timestamp_ms)
    closed_ms = state.closed_through_ms
    if is_first or closed_ms is None:
        _begin(state, state.rules.window_start(timestamp_ms - state.grace_ms), offset)
    elif timestamp_ms - state.grace_ms >= closed_ms + state.window_ms:
        _close_through(state, closed_ms, state.rules.window_start(timestamp_ms - state.grace_ms), offset)
    if state.device_changes and state.device_changes[0][0] <= timestamp_ms:
        change_devices(state)
    if state.alarms.next_ms <= state.clock.attended_ms:
        look(state, offset)


def _begin(state: TwinState, due_ms: Milliseconds, offset: Offset) -> None:
    """The first record: nothing before its own time was waited for, so nothing before it is vouched for."""
    state.first_window_ms = due_ms
    state.closed_through_ms = due_ms
    _close_open(state, due_ms, offset)


def _close_through(state: TwinState, from_ms: Milliseconds, due_ms: Milliseconds, offset: Offset) -> None:
    """Close in order; windows without state are made up only as far back as readings are still accepted."""
    made_up_ms = max(from_ms, state.rules.window_start(due_ms - state.rules.horizon_ms))
    while made_up_ms < due_ms:
        state.open_window(made_up_ms)
        made_up_ms = made_up_ms + state.rules.window_ms
    state.closed_through_ms = due_ms
    _close_open(state, due_ms, offset)


def _close_open(state: TwinState, due_ms: Milliseconds, offset: Offset) -> None:
    for start_ms in sorted(start_ms for start_ms in state.open if start_ms < due_ms):
        _close(state, state.open.pop(start_ms), offset)


def _close(state: TwinState, window: Window, offset: Offset) -> None:
    window.say_everything(state.known)
    sites: dict[Site, None] = {entry.device.site: None for entry in window.entries}
    window.unsaid_sites.update(dict.fromkeys(sites, ("final", offset)))
    state.closed.close(window)
