"""Who belongs to what at one instant, and what a partition therefore expects of every node."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.domain.rules import Rules
from app.domain.site import Device, Site
from app.domain.units import Milliseconds
from app.domain.windows import is_expected

Ancestors = Callable[[str, Milliseconds], tuple[str, ...]]


class Expected:
    """What is expected of one node in one window: by kind [devices, device seconds]; sites; rated power in W."""

    __slots__ = ("asked", "kinds", "rated_power_w", "sites")

    def __init__(self) -> None:
        self.asked: object = None
        """Stands for the membership that it is of: the membership itself would be a ring of references."""
        self.kinds: dict[str, list[int]] = {}
        self.sites = 0
        self.rated_power_w = 0

    def add(self, other: Expected) -> None:
        """Add what is expected of a site."""
        for kind, (devices, seconds) in other.kinds.items():
            mine = self.kinds.setdefault(kind, [0, 0])
            mine[0] += devices
            mine[1] += seconds
        self.sites += other.sites
        self.rated_power_w += other.rated_power_w


NOTHING = Expected()


class Membership:
    """The members of a window: the edges valid at its start, and the devices that it expects."""

    __slots__ = ("_asked", "_shares", "ancestors", "expected", "start_ms", "window_s")

    def __init__(self, start_ms: Milliseconds, sites: Iterable[Site], ancestors: Ancestors, rules: Rules) -> None:
        self.start_ms = start_ms
        self.window_s = rules.window_s
        self.ancestors: dict[str, tuple[str, ...]] = {}
        self.expected: dict[str, Expected] = {}
        self._asked = object()
        self._shares: dict[tuple[tuple[str, int, int], ...], Expected] = {}
        for site in sites:
            if site.record is not None:
                self._add(site, ancestors(site.name, start_ms))

    def _add(self, site: Site, nodes: tuple[str, ...]) -> None:
        self.ancestors[site.name] = nodes
        share = self.expected_of(site)
        for node in nodes:
            expected = self.expected.get(node)
            if expected is None:
                expected = self.expected[node] = Expected()
            expected.add(share)

    def expected_of(self, site: Site) -> Expected:
        """Return what the window expects of a site; it is a member if it expects any device."""
        held = site.expected
        if held is not None and held.asked is self._asked:
            return held
        share = site.expected = self._shared(self._expected_of(site))
        return share

    def _shared(self, share: Expected) -> Expected:
        """Return the one share that stands for all of its like: most sites are like many others."""
        kinds = tuple((kind, devices, seconds) for kind, (devices, seconds) in share.kinds.items())
        return self._shares.setdefault((*kinds, ("", share.rated_power_w, 0)), share)

    def _expected_of(self, site: Site) -> Expected:
        share = Expected()
        share.asked = self._asked
        for device in site.devices:
            if self.expects(device) and device.record is not None:
                mine = share.kinds.setdefault(device.record.kind, [0, 0])
                mine[0] += 1
                mine[1] += int(self.window_s)
                share.rated_power_w += int(device.record.rated_power_w)
        share.sites = 1 if share.kinds else 0
        return share

    def expects(self, device: Device) -> bool:
        """Whether the window expects this device to report."""
        record = device.record
        return (
            record is not None
            and device.is_member(self.start_ms)
            and is_expected(
                interval_s=record.reporting_interval_s,
                window_start_ms=self.start_ms,
                window_s=self.window_s,
            )
        )


class Memberships:
    """Memberships by window, shared by windows between which nothing changes; a bounded cache."""

    def __init__(self, rules: Rules, limit: int = 16) -> None:
        self.rules = rules
        self.limit = limit
        self._held: dict[tuple[int, Milliseconds | None], Membership] = {}
        self._depends_on_window = False

    def forget(self, sites: Iterable[Site]) -> None:
        """Drop everything: the topology changed."""
        self._held.clear()
        self._depends_on_window = any(
            one.reporting_interval_s > self.rules.window_s
            for site in sites
            if site.record is not None
            for one in site.record.devices
        )

    def of_window(self, start_ms: Milliseconds, epoch: int, sites: Iterable[Site], ancestors: Ancestors) -> Membership:
        """Return the membership of a window whose start lies in *epoch* of the topology."""
        key = (epoch, start_ms if self._depends_on_window else None)
        found = self._held.get(key)
        if found is None:
            while len(self._held) >= self.limit:
                self._held.pop(next(iter(self._held)))
            found = self._held[key] = Membership(start_ms, sites, ancestors, self.rules)
        return found
