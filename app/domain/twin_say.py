"""What a partition says: every message is a whole, current value, so that saying it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.domain.attendance import NOT_STARTED
from app.domain.contracts import Contribution, LiveTotals, Status, Watermark, WindowTotals
from app.domain.entry import Entry
from app.domain.sayings import SiteSayings, encode_message, encode_site_window, encode_transition, encode_twin
from app.domain.site import Site
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Offset
from app.domain.window import Window

RESTATED_AT_ONCE = 4
"""Closed windows that are read back and said again per turn, so that a change of topology stalls nobody."""
FEW_SITES = 1_000
"""With more of them to be said again, one window of each is enough for a turn."""

Due = Callable[[str], bool]


def say(state: TwinState, *, due: Due | None, provisional: Due | None, twins: bool, site_windows: bool) -> SiteSayings:
    """Take what has to be said now, and live and provisional values of levels that are due; None: of no level.

    A window that all sites close at once makes a message for each: they wait for *site_windows*, so that what nodes
    do now does not wait for them.
    """
    _restate(state)
    contributions = [message for window in _closed(state) for message in _finals(state, window)]
    saying = [window for window in _closed(state) if site_windows or not window.is_complete]
    if provisional is not None:
        contributions += [
            message for window in state.open.values() for message in _provisional(state, window, provisional)
        ]
    if due is not None:
        contributions += _live(state, due)
    transitions, state.transitions = state.transitions, []
    rejections, state.rejections = state.rejections, []
    return SiteSayings(
        contributions,
        _watermark(state),
        [message for window in saying for message in _site_windows(state, window)],
        _twins(state) if twins else [],
        [(one.site, encode_transition(one)) for one in transitions],
        rejections,
    )


def _closed(state: TwinState) -> list[Window]:
    return [state.closed.held[start_ms] for start_ms in sorted(state.closed.held)]


def _restate(state: TwinState) -> None:
    """Say a few windows again, and all whose rows the next flush may drop."""
    dropping = sum(1 for start_ms in state.restate if start_ms < state.oldest_kept_ms)
    at_once = RESTATED_AT_ONCE if len(state.redescribed) <= FEW_SITES else 1
    for start_ms in sorted(state.restate)[: dropping + at_once]:
        del state.restate[start_ms]
        if state.expired_through_ms is None or start_ms >= state.expired_through_ms:
            window = state.closed.window(start_ms)
            window.say_everything(state.known)
            window.unsaid_sites |= {
                site: _restated(state, window, site) for site in sorted(state.redescribed, key=_name)
            }
    if not state.restate and state.restate_from_ms is None:
        state.redescribed, state.redescribed_after = set(), None


def _name(site: Site) -> str:
    return site.name


def _restated(state: TwinState, window: Window, site: Site) -> tuple[Status, Offset]:
    """A window of a site that was not said yet is not a correction."""
    status, _ = window.unsaid_sites.get(site, ("corrected", state.offset))
    return status, state.offset


def _finals(state: TwinState, window: Window) -> Iterator[tuple[str, bytes]]:
    window.settle(is_closed=True)
    for node in _take(window.unsaid, lambda _: True):
        yield _contribution(state, node, window=window, final=True)


def _provisional(state: TwinState, window: Window, due: Due) -> Iterator[tuple[str, bytes]]:
    window.settle()
    for node in _take(window.unsaid, _level_is(state, due)):
        yield _contribution(state, node, window=window, final=False)


def _live(state: TwinState, due: Due) -> Iterator[tuple[str, bytes]]:
    """Members are those of stream time: an edge may begin or end without a message."""
    stream_ms = state.clock.stream_ms
    if stream_ms == NOT_STARTED:
        return
    epoch = state.topology.epoch_of(stream_ms)
    if epoch != state.live_epoch:
        state.live_epoch = epoch
        state.live.rebuild(state.sites.values())
    state.live.settle(
        state.live.take_changed(),
        lambda site: state.topology.ancestors(site.name, stream_ms) if site.record is not None else (),
        stream_ms=stream_ms,
        attended_ms=state.clock.attended_ms,
    )
    for node in _take(state.live.unsaid, _level_is(state, due)):
        yield _contribution(state, node, live=state.live.totals_of(node, stream_ms))


def _take(unsaid: set[str], wanted: Callable[[str], bool]) -> list[str]:
    taken = sorted(filter(wanted, unsaid))
    unsaid.difference_update(taken)
    return taken


def _level_is(state: TwinState, due: Due) -> Callable[[str], bool]:
    nodes = state.topology.nodes
    return lambda name: due(nodes[name].level) if name in nodes else True


def _contribution(
    state: TwinState, name: str, *, window: Window | None = None, live: LiveTotals | None = None, final: bool = False
) -> tuple[str, bytes]:
    if name not in state.known:
        state.meet(name, window)
    node = state.topology.nodes.get(name)
    totals: WindowTotals | None = window.totals_of(name) if window is not None else None
    return name, encode_message(
        Contribution(
            node=name,
            level=node.level if node is not None else "",
            hierarchy=node.hierarchy if node is not None else "",
            partition=state.partition,
            version=state.offset,
            window_start_ms=window.start_ms if window is not None else None,
            final=final,
            window=totals,
            live=live,
        )
    )


def _site_windows(state: TwinState, window: Window) -> Iterator[tuple[str, bytes, bytes]]:
    window_s = state.rules.window_s
    entries: dict[Site, list[Entry]] = {}
    for entry in state.closed.entries_of(window, window.unsaid_sites):
        entries.setdefault(entry.device.site, []).append(entry)
    for site, heard in entries.items():
        status, revision = window.unsaid_sites[site]
        revision = max(revision, site.version)  # a row may be ahead: what is said of it must not be older than it is
        kinds = window.site_kinds(site, heard)
        yield encode_site_window(site, kinds, heard, window_s=window_s, revision=revision, status=status)
    window.unsaid_sites = {}


def _twins(state: TwinState) -> list[tuple[str, bytes]]:
    changed, state.changed_twins = state.changed_twins, []
    state.twins_said = state.offset
    said = []
    for site in changed:
        site.is_twin_dirty = False
        revision = max(state.offset, site.version)  # a row may be ahead of the partition row after a crash
        said.append((site.name, encode_twin(site, revision=revision, as_of_ms=state.clock.stream_ms)))
    return said


def _watermark(state: TwinState) -> bytes | None:
    closed_ms, first_ms = state.closed_through_ms, state.first_window_ms
    if closed_ms is None or first_ms is None or closed_ms == state.said_watermark_ms:
        return None
    state.said_watermark_ms = closed_ms
    return encode_message(Watermark(state.partition, state.offset, first_ms, Milliseconds(closed_ms)))
