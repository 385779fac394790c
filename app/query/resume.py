"""What a stream is told first: the live values, or what it missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.query.aggregates import window_event_of
from app.query.events import Event, event_data
from app.query.history import read_windows
from app.query.members import read_live
from app.query.rows import DAY_MS, NODE, SITE, TRANSITIONS, WINDOW, Held, after, day_of, day_prefix, feed_key, unpack
from app.query.stream import Interest
from app.query.twins import transition_event
from app.query.view import View

MOST_LIVE = 1000
OVERLAP_MS = 60_000
"""Of the clocks of brokers and of replicas: rather told twice than not at all."""


def above(view: View, event: Event) -> Iterator[str]:
    """Yield the nodes above those, and above the sites, that an event is about."""
    topology, at_ms = view.membership.topology, view.membership.instant(view.clocks.as_of_ms() or 0)
    for node in event.nodes:
        if node in topology.nodes:
            yield from topology.above(node, at_ms)
    for site in event.sites:
        yield from topology.ancestors(site, at_ms)


def interest_members(view: View, interest: Interest) -> Iterator[tuple[bytes, str]]:
    """Yield the nodes and sites that a stream named, with all that lies below its subtrees."""
    at_ms, depth = view.clocks.as_of_ms() or 0, len(view.membership.topology.nodes)
    yield from ((NODE, one) for one in sorted(interest.nodes | interest.subtrees))
    yield from ((SITE, one) for one in sorted(interest.sites))
    for root in sorted(interest.subtrees):
        yield from ((family, one) for _, family, one in view.membership.descendants(root, at_ms, depth))


def live_events(view: View, interest: Interest) -> Iterator[Event]:
    """Yield the live value of each node of a stream, so that it need not wait for the next."""
    if interest.names and "live" not in interest.names:
        return
    is_whole = not (interest.nodes or interest.subtrees or interest.sites)
    nodes: Iterable[str] = view.membership.ordered(NODE) if is_whole else (
        one for family, one in interest_members(view, interest) if family == NODE)  # fmt: skip
    for _, name in zip(range(MOST_LIVE), nodes, strict=False):
        held = view.aggregates.live.get(name)
        if held is not None:
            data = event_data({"node": name, "as_of_ms": read_live(held.value).as_of_ms}, held.value)
            yield Event("live", ("live", name), (name,), (), data, held.recorded_ms)


def missed_events(view: View, interest: Interest, told_ms: int) -> Iterator[Event]:
    """Yield the windows and transitions that were recorded since a moment, whichever replica told of the others."""
    newest_ms = view.clocks.newest_ms + DAY_MS
    oldest_ms = max(0, view.clocks.newest_ms - int(view.rules.horizon_ms) - DAY_MS)
    since_ms = told_ms - OVERLAP_MS
    for held in _windows(view, interest, oldest_ms, newest_ms):
        if held.recorded_ms >= since_ms:
            event = window_event_of(held)
            if not interest.names or event.name in interest.names:
                yield event
    for _, key in view.rows.scan(feed_key(TRANSITIONS, oldest_ms, b""), after(TRANSITIONS)):
        held = unpack(view.rows.get(key) or bytes(16))
        if held.value and held.recorded_ms >= since_ms:
            event = transition_event(held)
            if interest.wants(event, lambda one: above(view, one)):
                yield event


def _windows(view: View, interest: Interest, oldest_ms: int, newest_ms: int) -> Iterator[Held]:
    if not (interest.nodes or interest.subtrees or interest.sites):
        start, end = day_prefix(WINDOW, day_of(oldest_ms)), day_prefix(WINDOW, day_of(newest_ms) + 1)
        yield from (unpack(row) for _, row in view.rows.scan(start, end))
        return
    for family, name in interest_members(view, interest):
        yield from read_windows(view.rows, family, name, oldest_ms, newest_ms)
