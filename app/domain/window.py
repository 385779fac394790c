"""One window in one partition: the entries of its devices, and the totals of every node above them."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.contracts import Status, WindowKind, WindowTotals
from app.domain.entry import NEVER, Entry, known_ms
from app.domain.measures import Measures, add_to, with_expected
from app.domain.membership import NOTHING, Membership
from app.domain.site import Device, Site
from app.domain.units import Milliseconds, Offset, Watts
from app.domain.windows import device_window_totals


class NodeTotals:
    """What was heard below one node: by kind the measures of `KindTotals`, expected only where unexpected."""

    __slots__ = ("kinds", "newest_ms", "oldest_ms", "rated_expected_w", "rated_reporting_w", "sites", "sites_expected")

    def __init__(self) -> None:
        self.kinds: dict[str, Measures] = {}
        self.sites = 0
        self.sites_expected = 0
        self.rated_reporting_w = 0
        self.rated_expected_w = 0
        self.oldest_ms = NEVER
        self.newest_ms = NEVER

    def see(self, oldest_ms: Milliseconds, newest_ms: Milliseconds) -> None:
        """Widen the span of measured time."""
        if oldest_ms < self.oldest_ms or self.oldest_ms == NEVER:
            self.oldest_ms = oldest_ms
        if newest_ms > self.newest_ms:
            self.newest_ms = newest_ms

    def add(self, other: NodeTotals) -> None:
        """Add the totals of some sites below."""
        for kind, measures in other.kinds.items():
            add_to(self.kinds, kind, measures)
        self.sites += other.sites
        self.sites_expected += other.sites_expected
        self.rated_reporting_w += other.rated_reporting_w
        self.rated_expected_w += other.rated_expected_w
        if other.oldest_ms != NEVER:
            self.see(other.oldest_ms, other.newest_ms)


EMPTY = NodeTotals()
UNEXPECTED = [0, 0]


class Window:
    """The readings of one window and what they add up to; `unsaid` are the nodes whose totals have to be said.

    While it is complete, `entries` are all of its entries. A closed window whose rows are stored keeps its totals;
    blocks of its rows are loaded when a late reading needs them.
    """

    __slots__ = (
        "blocks",
        "changed",
        "dirty_blocks",
        "entries",
        "heard",
        "is_complete",
        "membership",
        "start_ms",
        "totals",
        "unsaid",
        "unsaid_sites",
    )

    def __init__(self, start_ms: Milliseconds, membership: Membership) -> None:
        self.start_ms = start_ms
        self.membership = membership
        self.is_complete = True
        self.entries: list[Entry] = []
        self.blocks: dict[int, list[Entry]] = {}
        self.dirty_blocks: set[int] = set()
        self.changed: list[Entry] = []
        self.heard: set[str] = set()
        self.totals: dict[str, NodeTotals] = {}
        self.unsaid: set[str] = set()
        self.unsaid_sites: dict[Site, tuple[Status, Offset]] = {}

    def keep(self, entry: Entry) -> None:
        """Note what the totals hold of an entry that is about to change; of the others it is in the entry."""
        if entry.is_added and entry.added is None:
            entry.added = self.measure(entry)

    def mark(self, entry: Entry) -> None:
        """Note that an entry is not in the totals as it is."""
        if not entry.is_changed:
            entry.is_changed = True
            self.changed.append(entry)

    def say_everything(self, known: Iterable[str] = ()) -> None:
        """Have every node said again; one without members, too, that may have been said before."""
        self.unsaid.update(self.membership.expected, self.totals, known)

    def rebuild(self, membership: Membership) -> None:
        """Add everything up anew for another membership; nodes that lost their members are said empty."""
        self.unsaid.update(self.totals, self.membership.expected, membership.expected)
        self.membership = membership
        self.totals = {}
        self.heard = set()
        for entry in self.entries:
            self.mark_unadded(entry)

    def mark_unadded(self, entry: Entry) -> None:
        """Note that an entry is to be added anew: the totals hold nothing of it."""
        entry.is_added, entry.added = False, None
        self.mark(entry)

    def settle(self, *, is_closed: bool = False) -> None:
        """Bring the totals up to date with the entries that changed; of a closed window they are said next."""
        if not self.changed:
            return
        shares: dict[tuple[str, ...], NodeTotals] = {}
        for entry in self.changed:
            entry.is_changed = False
            if entry.device.record is not None:
                measures = self._add(entry, shares)
                entry.added = measures if is_closed else None
        self.changed = []
        for nodes, share in shares.items():
            self.unsaid.update(nodes)
            for node in nodes:
                self._totals(node).add(share)

    def _totals(self, node: str) -> NodeTotals:
        found = self.totals.get(node)
        if found is None:
            found = self.totals[node] = NodeTotals()
        return found

    def _add(self, entry: Entry, shares: dict[tuple[str, ...], NodeTotals]) -> Measures:
        device = entry.device
        nodes = self.membership.ancestors.get(device.site.name, ())
        share = shares.get(nodes)
        if share is None:
            share = shares[nodes] = NodeTotals()
        new = self.measure(entry)
        add_to(share.kinds, device.kind, new)
        share.see(entry.oldest_ms, entry.newest_ms)
        if not entry.is_added:
            entry.is_added = True
            self._first_heard(device, new, share)
        elif entry.added is not None:
            share.kinds[device.kind].subtract(entry.added)
        return new

    def _first_heard(self, device: Device, measures: Measures, share: NodeTotals) -> None:
        rated_power_w = int(device.record.rated_power_w) if device.record else 0
        share.rated_reporting_w += rated_power_w
        if measures.devices_expected:
            share.rated_expected_w += rated_power_w
        if self._is_first_of(device.site):
            share.sites += 1
            share.sites_expected += 1 - self.membership.expected_of(device.site).sites

    def _is_first_of(self, site: Site) -> bool:
        """A site of one device is heard with it; only of the others is it held who was. A new device rebuilds."""
        if site.named is None:
            return True
        if site.name in self.heard:
            return False
        self.heard.add(site.name)
        return True

    def measure(self, entry: Entry) -> Measures:
        """Return what one device contributes; expected only if nobody expected it."""
        device = entry.device
        assert device.record is not None
        readings = entry.bits.bit_count()
        window_s = self.membership.window_s
        found = Measures()
        found.readings, found.sum_w = readings, entry.sum_w
        (
            found.mean_power_w,
            found.energy_import_j,
            found.energy_export_j,
            found.covered_device_s,
        ) = device_window_totals(
            readings=readings,
            sum_w=entry.sum_w,
            positive_sum_w=entry.positive_sum_w,
            interval_s=device.record.reporting_interval_s,
            window_s=window_s,
        )
        found.devices_reporting = 1
        if not self.membership.expects(device):
            found.expect(1, int(window_s))
        return found

    def totals_of(self, node: str) -> WindowTotals:
        """Return this partition's share of a node."""
        expected = self.membership.expected.get(node, NOTHING)
        heard = self.totals.get(node, EMPTY)
        return WindowTotals(
            {kind: one.contributed() for kind, one in with_expected(heard.kinds, expected.kinds).items()},
            expected.sites + heard.sites_expected,
            heard.sites,
            Watts(expected.rated_power_w + heard.rated_expected_w),
            Watts(heard.rated_reporting_w),
            known_ms(heard.oldest_ms),
            known_ms(heard.newest_ms),
        )

    def site_kinds(self, site: Site, entries: list[Entry]) -> dict[str, WindowKind]:
        """Return what one site adds up to, by kind and in all."""
        expected = self.membership.expected_of(site).kinds
        only = self._only_kind(entries[0], expected) if len(entries) == 1 else None
        return only or self._kinds(entries, expected)

    def _only_kind(self, entry: Entry, expected: dict[str, list[int]]) -> dict[str, WindowKind] | None:
        """Return that of a site which heard one device and expects no other kind: most have nothing to be added up."""
        kind = entry.device.kind
        devices, seconds = expected.get(kind, UNEXPECTED)
        if entry.device.record is None or len(expected) > 1 or (expected and not devices):
            return None
        one = self._measured(entry).published(devices, seconds)
        return {"all": one, kind: one}

    def _measured(self, entry: Entry) -> Measures:
        return entry.added if entry.added is not None and not entry.is_changed else self.measure(entry)

    def _kinds(self, entries: list[Entry], expected: dict[str, list[int]]) -> dict[str, WindowKind]:
        heard: dict[str, Measures] = {}
        for entry in entries:
            if entry.device.record is not None:
                add_to(heard, entry.device.kind, self._measured(entry))
        merged = with_expected(heard, expected)
        kinds = {kind: one.published() for kind, one in merged.items()}
        if len(kinds) == 1:
            return {"all": next(iter(kinds.values())), **kinds}
        total = Measures()
        for one in merged.values():
            total.add(one)
        return {"all": total.published(), **kinds}


def span(entries: Iterable[Entry]) -> tuple[Milliseconds, Milliseconds]:
    """Return the oldest and the newest measured time of entries."""
    oldest, newest = Milliseconds(1 << 62), NEVER
    for entry in entries:
        oldest, newest = min(oldest, entry.oldest_ms), max(newest, entry.newest_ms)
    return oldest, newest
