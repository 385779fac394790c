"""What a change of topology does to a partition: who belongs to what, of open windows, of closed ones, and now."""

from __future__ import annotations

from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.site import Site
from app.domain.topology import earliest_effect_ms, earliest_node_effect_ms
from app.domain.twin_silence import expect_changes, say_transition, watch
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Offset

ALWAYS = Milliseconds(0)


class StagedTopology:
    """Records of topology that were read; they take effect between two telemetry records, all at once."""

    def __init__(self) -> None:
        self.nodes: dict[str, tuple[NodeRecord | None, Offset]] = {}
        self.sites: dict[str, tuple[SiteRecord | None, Offset]] = {}

    def take(self, state: TwinState) -> bool:
        """Let what was staged take effect; return whether anything was."""
        if not (self.nodes or self.sites):
            return False
        nodes, sites = self.nodes, self.sites
        self.nodes, self.sites = {}, {}
        effects = [_take_node(state, name, record) for name, (record, _) in nodes.items()]
        said_through = state.topology_offsets[1] if state.redescribed_after is None else state.redescribed_after
        effects += [_take_site(state, name, *one, said_through) for name, one in sites.items()]
        offsets = _newest(nodes, state.topology_offsets[0]), _newest(sites, state.topology_offsets[1])
        is_new, state.topology_offsets = offsets != state.topology_offsets, offsets
        _rebuild(state)
        earliest = [at_ms for at_ms in effects if at_ms is not None]
        if earliest and is_new and state.has_row:
            _restate_from(state, min(earliest) if state.has_topology else ALWAYS)
        elif not state.has_topology and state.restate_from_ms is not None:
            _restate_from(state, state.restate_from_ms)
        state.has_topology = True
        return True


def _newest(staged: dict[str, tuple[NodeRecord | None, Offset]] | dict[str, tuple[SiteRecord | None, Offset]],
            offset: Offset) -> Offset:  # fmt: skip
    return max((one for _, one in staged.values()), default=offset) if staged else offset


def _take_node(state: TwinState, name: str, record: NodeRecord | None) -> Milliseconds | None:
    old = state.topology.nodes.get(name)
    state.topology.put_node(name, record)
    return earliest_node_effect_ms(old, record)


def _take_site(
    state: TwinState, name: str, record: SiteRecord | None, offset: Offset, said_through: Offset
) -> Milliseconds | None:
    old = state.topology.sites.get(name)
    state.topology.put_site(name, record)
    site = state.sites.get(name)
    if site is None:
        site = state.sites[name] = Site(name)
    comes_back = _comes_back(site, record)
    site.describe(record, state.rules, max(state.clock.stream_ms, ALWAYS))
    expect_changes(state, site)
    if state.has_row and _is_redescribed(state, old, record, is_new=offset > said_through):
        state.redescribed.add(site)
        state.redescribed_after = said_through
    if site.quarantined_at is not None and offset > state.topology_offsets[1]:
        _release(state, site)
    watch(state, site)
    return ALWAYS if comes_back else earliest_effect_ms(old, record)


def _comes_back(site: Site, record: SiteRecord | None) -> bool:
    """Whether a device that was gone is there again: what it said before counts again."""
    for one in record.devices if record is not None else ():
        device = site.device(one.device)
        if device is not None and device.record is None:
            return True
    return False


def _is_redescribed(state: TwinState, old: SiteRecord | None, record: SiteRecord | None, *, is_new: bool) -> bool:
    """Whether what a site's windows were said with may be another: after a restart the old record is not known."""
    if not state.has_topology:
        return is_new
    return old is not None and record is not None and old.devices != record.devices


def _release(state: TwinState, site: Site) -> None:
    """A site's new record is its operator's word that it may be folded again."""
    site.quarantined_at = None
    state.quarantined.discard(site.name)
    state.mark(site)
    say_transition(
        state, site, machine="quarantine", before="quarantined", after="folding", cause="topology",
        at_ms=state.clock.stream_ms, offset=state.offset,
    )  # fmt: skip


def _rebuild(state: TwinState) -> None:
    state.memberships.forget(state.sites.values())
    for start_ms, window in state.open.items():
        window.rebuild(state.membership(start_ms))
    state.closed.rebuild(state.membership)
    state.live.rebuild(state.sites.values())


def _restate_from(state: TwinState, from_ms: Milliseconds) -> None:
    """Restate now, and again where a former owner may have come to: its higher offset holds until that is passed."""
    restate(state, from_ms)
    if state.say_all_at is None:
        state.restate_from_ms = None
    elif state.restate_from_ms is None or from_ms < state.restate_from_ms:
        state.restate_from_ms = from_ms


def restate_deferred(state: TwinState) -> None:
    """Restate once more what a former owner may have said with a higher offset than ours was."""
    from_ms, state.restate_from_ms = state.restate_from_ms, None
    if from_ms is not None:
        restate(state, from_ms)


def restate_expiring(state: TwinState, timestamp_ms: Milliseconds) -> None:
    """Restate with the record that lets them expire what cannot wait for where a former owner may have come to."""
    from_ms = state.restate_from_ms
    if from_ms is not None:
        kept_from_ms = state.rules.window_start(timestamp_ms - state.rules.horizon_ms)
        if kept_from_ms > state.oldest_kept_ms:
            restate(state, from_ms, kept_from_ms)


def restate(state: TwinState, from_ms: Milliseconds, until_ms: Milliseconds | None = None) -> None:
    """Have the closed windows within bounds said again, as far back as readings are still accepted."""
    closed_ms = state.closed_through_ms
    if closed_ms is None or state.first_window_ms is None:
        return
    start_ms = max(state.rules.window_start(from_ms), state.oldest_kept_ms)
    end_ms = closed_ms if until_ms is None else min(until_ms, closed_ms)
    stored = state.closed.starts_with_rows(start_ms, end_ms)
    for known_ms in [*stored, *(held_ms for held_ms in state.closed.held if start_ms <= held_ms < end_ms)]:
        state.restate[known_ms] = None
    at_ms = max(start_ms, state.first_window_ms)
    while at_ms < end_ms:
        state.restate[at_ms] = None
        at_ms = at_ms + state.rules.window_ms
