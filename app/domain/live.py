"""What every node does now, in one partition: kept up to date by what changed, never added up twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from app.domain.contracts import LiveTotals
from app.domain.entry import NEVER
from app.domain.live_share import KindShare, Share, add_to
from app.domain.site import Device, Site
from app.domain.units import Milliseconds, WattHours, Watts

SITE_STATES: Final = 5
STORAGE_MEASURES: Final = 4
NO_STORAGE: Final[tuple[int, ...]] = (0, 0, 0, 0)
NOWHERE: Final[tuple[int, ...]] = (0, 0, 0, 0, 0)
IN_STATE: Final = tuple(tuple(int(state == other) for other in range(SITE_STATES)) for state in range(SITE_STATES))
"""By connectivity; sites share these, there are millions of them."""

NodesOf = Callable[[Site], tuple[str, ...]]


class NodeLive:
    """Sums of the shares of the sites below one node."""

    __slots__ = ("kinds", "sites", "storage")

    def __init__(self) -> None:
        self.kinds: dict[str, KindShare] = {}
        self.sites = [0] * SITE_STATES
        self.storage = [0] * STORAGE_MEASURES

    def add(self, share: Share, sign: int) -> None:
        """Add a share, or take it away again (sign -1)."""
        for one in share.kinds:
            add_to(self.kinds, one, sign)
        _add(self.sites, share.sites, sign)
        if share.storage is not NO_STORAGE:
            _add(self.storage, share.storage, sign)

    def totals(self, as_of_ms: Milliseconds) -> LiveTotals:
        """Return them as said; a kind without devices is left out."""
        online, delayed, recovering, offline, never_seen = self.sites
        stored_wh, usable_wh, charge_w, discharge_w = self.storage
        return LiveTotals(
            as_of_ms,
            {kind: one.contributed() for kind, one in self.kinds.items() if not one.is_nothing()},
            (online, delayed, recovering, offline, never_seen),
            (WattHours(stored_wh), WattHours(usable_wh), Watts(charge_w), Watts(discharge_w)),
        )


class Live:
    """The live sums of every node; `unsaid` are those that changed since they were said."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeLive] = {}
        self.changed: list[Site] = []
        self.unsaid: set[str] = set()

    def mark(self, site: Site) -> None:
        """Note that a site's share may have changed."""
        if not site.is_live_dirty:
            site.is_live_dirty = True
            self.changed.append(site)

    def say_everything(self, known: Iterable[str] = ()) -> None:
        """Have every node said again; one without members, too, that may have been said before."""
        self.unsaid.update(self.nodes, known)

    def rebuild(self, sites: Iterable[Site]) -> None:
        """Add everything up anew: who belongs to what changed. Nodes that lost their members are said empty."""
        self.unsaid.update(self.nodes)
        self.nodes = {}
        for site in sites:
            site.live_added = None
            self.mark(site)

    def settle(
        self, sites: Iterable[Site], nodes_of: NodesOf, *, stream_ms: Milliseconds, attended_ms: Milliseconds
    ) -> None:
        """Bring the shares of sites up to date; after a change of who belongs to what, `rebuild` comes first."""
        for site in sites:
            held = site.live_added
            device = _reporting(site, held, attended_ms) if held is not None else None
            if held is not None and device is not None:
                self._shift(held, device)
            else:
                nodes = held.nodes if held is not None else nodes_of(site)
                self._replace(site, share_of(site, nodes, stream_ms=stream_ms, attended_ms=attended_ms))

    def _shift(self, held: Share, device: Device) -> None:
        """Add to a share, and to its nodes, what another power and another state of charge make."""
        one, stored, storage = held.kinds[0], held.storage, _storage(device)
        moved_w = int(device.active_power_w) - one.active_power_w
        if not moved_w and storage == stored:
            return
        import_w = max(int(device.active_power_w), 0) - one.import_w
        one.move(moved_w, import_w)
        held.storage = storage
        self.unsaid.update(held.nodes)
        for name in held.nodes:
            node = self.nodes[name]
            node.kinds[one.kind].move(moved_w, import_w)
            if storage is not stored:
                _add(node.storage, stored, -1)
                _add(node.storage, storage, 1)

    def _replace(self, site: Site, share: Share) -> None:
        held = site.live_added
        if held is not None:
            if share.is_as(held):
                return
            self._apply(held, -1)
        self._apply(share, 1)
        site.live_added = share

    def _apply(self, share: Share, sign: int) -> None:
        self.unsaid.update(share.nodes)
        for name in share.nodes:
            node = self.nodes.get(name)
            if node is None:
                node = self.nodes[name] = NodeLive()
            node.add(share, sign)

    def take_changed(self) -> list[Site]:
        """Return the sites that were marked and forget the marks."""
        changed, self.changed = self.changed, []
        for site in changed:
            site.is_live_dirty = False
        return changed

    def totals_of(self, node: str, as_of_ms: Milliseconds) -> LiveTotals:
        """Return this partition's share of a node; empty when it has no members here."""
        return self.nodes.get(node, NodeLive()).totals(as_of_ms)


def _reporting(site: Site, held: Share, attended_ms: Milliseconds) -> Device | None:
    """Return the only device of a site that is as fresh as its share says: only its numbers can be others."""
    device = site.first
    if device is None or site.named is not None or not held.kinds or not held.kinds[0].devices_fresh:
        return None
    return device if device.is_fresh(attended_ms) and held.sites is IN_STATE[site.connectivity] else None


def share_of(site: Site, nodes: tuple[str, ...], *, stream_ms: Milliseconds, attended_ms: Milliseconds) -> Share:
    """Return what a site adds to its nodes: its devices fresh, stale or never heard, its state, its storage."""
    kinds: dict[str, KindShare] = {}
    storage = [0] * STORAGE_MEASURES
    for device in site.devices:
        if device.record is not None and device.is_member(stream_ms):
            fresh = device.heard_ms != NEVER and device.is_fresh(attended_ms)
            one = _device(device, fresh=fresh)
            if kinds.setdefault(one.kind, one) is not one:
                kinds[one.kind].add(one, 1)
            if fresh:
                _add(storage, _storage(device), 1)
    sites = IN_STATE[site.connectivity] if kinds else NOWHERE
    stored = tuple(storage) if any(storage) else NO_STORAGE
    return Share(nodes, tuple(kinds.values()), sites, stored)


def _device(device: Device, *, fresh: bool) -> KindShare:
    found = KindShare(device.kind)
    found.rated_power_w = int(device.rated_power_w)
    power_w = int(device.active_power_w)
    if device.heard_ms == NEVER:
        found.devices_never = 1
    elif not fresh:
        found.devices_stale, found.stale_power_w, found.stale_rated_power_w = 1, power_w, found.rated_power_w
    else:
        found.devices_fresh, found.active_power_w = 1, power_w
        found.import_w, found.export_w = max(power_w, 0), max(-power_w, 0)
    return found


def _storage(device: Device) -> tuple[int, ...]:
    """Only a fresh state of charge counts: power that nobody can vouch for is not available."""
    record, stored = device.record, device.state_of_charge_wh
    if record is None or record.usable_capacity_wh is None or stored is None:
        return NO_STORAGE
    usable, rated_w = int(record.usable_capacity_wh), int(record.rated_power_w)
    return int(stored), usable, rated_w if int(stored) < usable else 0, rated_w if int(stored) > 0 else 0


def _add(sums: list[int], measures: tuple[int, ...], sign: int) -> None:
    for i in range(len(sums)):
        if measures[i]:
            sums[i] += sign * measures[i]
