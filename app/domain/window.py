"""One window in one partition: the entries of its devices, and the totals of every node above them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import add, sub
from typing import Final, cast

from app.domain.contracts import KindTotals, Status, WindowKind, WindowTotals
from app.domain.membership import NOTHING, Membership
from app.domain.site import NEVER, Device, Entry, Site
from app.domain.units import Joules, Milliseconds, Offset, Seconds, Watts
from app.domain.windows import device_window_totals

_Measures = tuple[int, Watts, Watts, Joules, Joules, int, int, Seconds, Seconds]
MEASURES: Final = 9
EXPECTED_DEVICES: Final = 5
COVERED: Final = 7
EXPECTED_SECONDS: Final = 8
NO_MEASURES = (0,) * MEASURES


class NodeTotals:
    """What was heard below one node: by kind the measures of `KindTotals`, expected only where unexpected."""

    __slots__ = ("kinds", "newest_ms", "oldest_ms", "rated_expected_w", "rated_reporting_w", "sites", "sites_expected")

    def __init__(self) -> None:
        self.kinds: dict[str, list[int]] = {}
        self.sites = 0
        self.sites_expected = 0
        self.rated_reporting_w = 0
        self.rated_expected_w = 0
        self.oldest_ms: Milliseconds | None = None
        self.newest_ms: Milliseconds | None = None

    def add_kind(self, kind: str, measures: Iterable[int]) -> None:
        """Add measures, or differences of them, to a kind."""
        _add_kind(self.kinds, kind, measures)

    def see(self, oldest_ms: Milliseconds, newest_ms: Milliseconds) -> None:
        """Widen the span of measured time."""
        if self.oldest_ms is None or oldest_ms < self.oldest_ms:
            self.oldest_ms = oldest_ms
        if self.newest_ms is None or newest_ms > self.newest_ms:
            self.newest_ms = newest_ms

    def add(self, other: NodeTotals) -> None:
        """Add the totals of some sites below."""
        for kind, measures in other.kinds.items():
            self.add_kind(kind, measures)
        self.sites += other.sites
        self.sites_expected += other.sites_expected
        self.rated_reporting_w += other.rated_reporting_w
        self.rated_expected_w += other.rated_expected_w
        if other.oldest_ms is not None and other.newest_ms is not None:
            self.see(other.oldest_ms, other.newest_ms)


EMPTY = NodeTotals()


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
            entry.added = None
            self.mark(entry)

    def settle(self) -> None:
        """Bring the totals up to date with the entries that changed."""
        if not self.changed:
            return
        shares: dict[tuple[str, ...], NodeTotals] = {}
        for entry in self.changed:
            entry.is_changed = False
            if entry.device.record is not None:
                self._add(entry, shares)
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

    def _add(self, entry: Entry, shares: dict[tuple[str, ...], NodeTotals]) -> None:
        device = entry.device
        nodes = self.membership.ancestors.get(device.site.name, ())
        share = shares.get(nodes)
        if share is None:
            share = shares[nodes] = NodeTotals()
        new = self.measure(entry)
        share.add_kind(device.kind, new if entry.added is None else _difference(new, entry.added))
        share.see(entry.oldest_ms, entry.newest_ms)
        if entry.added is None:
            self._first_heard(device, new, share)
        entry.added = new

    def _first_heard(self, device: Device, measures: tuple[int, ...], share: NodeTotals) -> None:
        rated_power_w = int(device.record.rated_power_w) if device.record else 0
        share.rated_reporting_w += rated_power_w
        if measures[EXPECTED_DEVICES]:
            share.rated_expected_w += rated_power_w
        if device.site.name not in self.heard:
            self.heard.add(device.site.name)
            share.sites += 1
            share.sites_expected += 1 - self.membership.expected_of(device.site).sites

    def measure(self, entry: Entry) -> tuple[int, ...]:
        """Return the measures of one device, in the order of `KindTotals`."""
        device = entry.device
        assert device.record is not None
        readings = entry.bits.bit_count()
        window_s = self.membership.window_s
        mean, imported, exported, covered = device_window_totals(
            readings=readings,
            sum_w=entry.sum_w,
            positive_sum_w=entry.positive_sum_w,
            interval_s=device.record.reporting_interval_s,
            window_s=window_s,
        )
        extra = 0 if self.membership.expects(device) else 1
        return readings, entry.sum_w, mean, imported, exported, extra, 1, covered, extra * int(window_s)

    def totals_of(self, node: str) -> WindowTotals:
        """Return this partition's share of a node."""
        expected = self.membership.expected.get(node, NOTHING)
        heard = self.totals.get(node, EMPTY)
        return WindowTotals(
            {kind: kind_totals(measures) for kind, measures in _merged(expected.kinds, heard.kinds).items()},
            expected.sites + heard.sites_expected,
            heard.sites,
            Watts(expected.rated_power_w + heard.rated_expected_w),
            Watts(heard.rated_reporting_w),
            heard.oldest_ms,
            heard.newest_ms,
        )

    def site_kinds(self, site: Site, entries: Iterable[Entry]) -> dict[str, WindowKind]:
        """Return what one site adds up to, by kind and in all."""
        heard: dict[str, list[int]] = {}
        for entry in entries:
            if entry.device.record is not None:
                measures = None if entry.is_changed else entry.added
                _add_kind(heard, entry.device.kind, measures or self.measure(entry))
        merged = _merged(self.membership.expected_of(site).kinds, heard)
        kinds = {kind: window_kind(measures) for kind, measures in merged.items()}
        if len(kinds) == 1:
            return {"all": next(iter(kinds.values())), **kinds}
        total = [sum(column) for column in zip(NO_MEASURES, *merged.values(), strict=True)]
        return {"all": window_kind(total), **kinds}


def kind_totals(measures: Sequence[int]) -> KindTotals:
    """Return measures as they are contributed."""
    return KindTotals(*cast("_Measures", tuple(measures)))


def window_kind(measures: Sequence[int]) -> WindowKind:
    """Return measures as they are published."""
    return WindowKind(*cast("_Measures", tuple(measures)))


def span(entries: Iterable[Entry]) -> tuple[Milliseconds, Milliseconds]:
    """Return the oldest and the newest measured time of entries."""
    oldest, newest = Milliseconds(1 << 62), NEVER
    for entry in entries:
        oldest, newest = min(oldest, entry.oldest_ms), max(newest, entry.newest_ms)
    return oldest, newest


def _add_kind(kinds: dict[str, list[int]], kind: str, measures: Iterable[int]) -> None:
    held = kinds.get(kind)
    kinds[kind] = list(measures) if held is None else list(map(add, held, measures))


def _difference(new: tuple[int, ...], old: tuple[int, ...]) -> list[int]:
    return list(map(sub, new, old))


def _merged(expected: dict[str, list[int]], heard: dict[str, list[int]]) -> dict[str, list[int]]:
    merged = {kind: list(measures) for kind, measures in heard.items()}
    for kind, (devices, seconds) in expected.items():
        measures = merged.setdefault(kind, list(NO_MEASURES))
        measures[EXPECTED_DEVICES] += devices
        measures[EXPECTED_SECONDS] += seconds
    return merged
