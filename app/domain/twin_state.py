"""What a SitePartition holds in memory; the other `twin_*` modules are what happens to it."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.alarms import Alarms
from app.domain.attendance import StreamClock
from app.domain.closed_windows import ClosedWindows
from app.domain.contracts import Transition
from app.domain.live import Live
from app.domain.membership import Membership, Memberships
from app.domain.rows import RowReader
from app.domain.rules import PartitionOf, Rules
from app.domain.sayings import Rejected
from app.domain.site import NOTHING_FOLDED, Site
from app.domain.topology import Topology
from app.domain.units import Milliseconds, Offset
from app.domain.window import Window


class TwinState:
    """The sites, windows and clock of one partition, and what of them is not yet said or remembered."""

    def __init__(self, partition: int, rules: Rules, partition_of: PartitionOf, reader: RowReader) -> None:
        self.partition = partition
        self.rules = rules
        self.window_ms, self.grace_ms, self.horizon_ms = rules.window_ms, rules.grace_ms, rules.horizon_ms
        self.partition_of = partition_of
        self.reader = reader
        self.offset = NOTHING_FOLDED
        self.clock = StreamClock(rules)
        self.topology = Topology()
        self.topology_offsets = (NOTHING_FOLDED, NOTHING_FOLDED)
        self.has_topology = False
        self.has_row = False
        """Whether a partition row was ever written; nothing is said before that."""
        self.memberships = Memberships(rules)
        self.sites: dict[str, Site] = {}
        self.quarantined: set[str] = set()
        self.alarms = Alarms()
        self.device_changes: list[tuple[Milliseconds, str]] = []
        """A heap of stream times at which a site gains or loses a device."""

        self.open: dict[Milliseconds, Window] = {}
        self.closed = ClosedWindows(rules, reader, self.sites, self.new_window)
        self.first_window_ms: Milliseconds | None = None
        self.closed_through_ms: Milliseconds | None = None
        self.expired_through_ms: Milliseconds | None = None
        self.live = Live()
        self.live_epoch: int | None = None

        self.known: set[str] = set()
        """Nodes to which this partition ever contributed: they have to hear when it has nothing left for them."""
        self.restate: dict[Milliseconds, None] = {}
        """Closed windows whose totals have to be said again because the topology of their time changed."""
        self.say_all_at: Offset | None = None
        """Where a former owner may have come to: a newer version of everything open has to be said from there."""
        self.restate_from_ms: Milliseconds | None = None
        """The same for closed windows, from here on, if the topology has changed meanwhile."""
        self.redescribed: set[Site] = set()
        """Sites whose own closed windows have to be said again with those, because their devices changed."""
        self.redescribed_after: Offset | None = None
        """Up to where topology.site held nothing of that; a restart finds them again by it."""
        self.said_watermark_ms: Milliseconds | None = None
        self.twins_said = NOTHING_FOLDED
        self.changed_twins: list[Site] = []
        self.dirty: list[Site] = []
        self.new_nodes: list[str] = []
        self.transitions: list[Transition] = []
        self.rejections: list[Rejected] = []

        self.records = 0
        self.folded = 0
        self.duplicate = 0
        self.conflicting = 0
        self.ticks = 0
        self.rejected: dict[str, int] = {}

    def membership(self, start_ms: Milliseconds) -> Membership:
        """Return who belongs to what at the start of a window."""
        epoch = self.topology.epoch_of(start_ms)
        return self.memberships.of_window(start_ms, epoch, self.sites.values(), self.topology.ancestors)

    def new_window(self, start_ms: Milliseconds) -> Window:
        """Return a window without readings."""
        return Window(start_ms, self.membership(start_ms))

    def open_window(self, start_ms: Milliseconds) -> Window:
        """Return a window that is not closed yet; a new one has all of its nodes to be said."""
        window = self.open.get(start_ms)
        if window is None:
            window = self.open[start_ms] = self.new_window(start_ms)
            window.say_everything()
        return window

    def is_closed(self, start_ms: Milliseconds) -> bool:
        """Whether a window was closed already."""
        return self.closed_through_ms is not None and start_ms < self.closed_through_ms

    @property
    def oldest_kept_ms(self) -> Milliseconds:
        """The oldest window for which readings are still accepted; the rows of older ones are dropped."""
        return self.rules.window_start(self.clock.stream_ms - self.rules.horizon_ms)

    def mark(self, site: Site) -> None:
        """Note that a site has to be remembered, and shown as a twin."""
        if not site.is_dirty:
            site.is_dirty = True
            self.dirty.append(site)
        self.mark_twin(site)

    def mark_twin(self, site: Site) -> None:
        """Note that a site has to be shown as a twin."""
        if not site.is_twin_dirty:
            site.is_twin_dirty = True
            self.changed_twins.append(site)

    def meet(self, node: str, said: Window | None) -> None:
        """Note that a node hears of this partition, in a window or live: a stale owner may have told it of the rest."""
        self.known.add(node)
        self.new_nodes.append(node)
        for window in self.open.values():
            if window is not said:
                window.unsaid.add(node)
        if said is not None:
            self.live.unsaid.add(node)

    def say_everything(self) -> None:
        """Have everything open, and live, said again."""
        for window in self.open.values():
            window.say_everything(self.known)
        self.live.say_everything(self.known)
        self.said_watermark_ms = None

    def count_rejected(self, reasons: Iterable[str]) -> None:
        """Count rejected readings by reason."""
        for reason in reasons:
            self.rejected[reason] = self.rejected.get(reason, 0) + 1
