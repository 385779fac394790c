"""What a partition holds of a site in memory: its devices, their latest readings and their windows."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zlib import crc32

from app.domain.connectivity import Connectivity, Thresholds
from app.domain.contracts import DeviceRecord, SiteRecord
from app.domain.entry import NEVER, Entry
from app.domain.rules import Rules
from app.domain.units import Milliseconds, Offset, WattHours, Watts, to_milliseconds

if TYPE_CHECKING:
    from app.domain.device_clock import OffTime
    from app.domain.live_share import Share
    from app.domain.membership import Expected

EPOCH: Final = Milliseconds(0)
NO_ALARM: Final = Milliseconds(1 << 60)
NOTHING_FOLDED: Final = Offset(-1)
UNKNOWN: Final = Thresholds(Milliseconds(0), Milliseconds(0), 1)


class Device:
    """The latest reading of a device, and its entries that are open or not yet stored with their window."""

    __slots__ = (
        "active_power_w",
        "energy_export_wh",
        "energy_import_wh",
        "entries",
        "heard_ms",
        "kind",
        "latest_attended_ms",
        "latest_ms",
        "measured_ms",
        "name",
        "newest",
        "off_time",
        "operation",
        "rated_power_w",
        "reactive_power_var",
        "record",
        "site",
        "stale_after_ms",
        "state_of_charge_wh",
        "too_much_w",
        "usable_capacity_wh",
    )

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        self.record: DeviceRecord | None = None
        self.kind = ""
        self.rated_power_w = Watts(0)
        self.usable_capacity_wh: WattHours | None = None
        self.stale_after_ms = Milliseconds(0)
        self.too_much_w = Watts(0)
        self.entries: list[Entry] = []
        self.newest: Entry | None = None
        """The one of them that was begun last: most readings belong to it."""
        self.measured_ms = NEVER
        self.latest_ms = NEVER
        self.latest_attended_ms = NEVER
        self.heard_ms = NEVER
        self.active_power_w = Watts(0)
        self.reactive_power_var: int | None = None
        self.state_of_charge_wh: WattHours | None = None
        self.energy_import_wh: WattHours | None = None
        self.energy_export_wh: WattHours | None = None
        self.operation: str | None = None
        self.off_time: OffTime | None = None

    def entry_of(self, start_ms: Milliseconds) -> Entry | None:
        """Return its entry of that window, if it is in memory."""
        newest = self.newest
        if newest is not None and newest.start_ms == start_ms:
            return newest
        for entry in self.entries:
            if entry.start_ms == start_ms:
                return entry
        return None

    def begin(self, start_ms: Milliseconds) -> Entry:
        """Return a new entry for a window."""
        entry = self.newest = Entry(self, start_ms)
        self.entries.append(entry)
        return entry

    def drop(self, entry: Entry) -> None:
        """Let go of an entry, if it is in memory."""
        if self.newest is entry:
            self.newest = None
        if entry in self.entries:
            self.entries.remove(entry)

    def is_fresh(self, attended_ms: Milliseconds) -> bool:
        """Whether its latest reading is younger than its kind allows."""
        return attended_ms - self.latest_attended_ms < self.stale_after_ms

    def is_member(self, at_ms: Milliseconds) -> bool:
        """Whether the topology holds this device at *at_ms*."""
        record = self.record
        return (
            record is not None
            and record.valid_from_ms <= at_ms
            and (record.valid_to_ms is None or at_ms < record.valid_to_ms)
        )

    def describe(self, record: DeviceRecord | None, rules: Rules) -> None:
        """Take in what the topology says of it now."""
        self.record = record
        if record is not None:
            self.name = record.device  # the same word: one that came from a row is let go
            self.kind, self.rated_power_w = record.kind, record.rated_power_w
            self.usable_capacity_wh = record.usable_capacity_wh
            interval_ms = to_milliseconds(record.reporting_interval_s)
            self.stale_after_ms = interval_ms * rules.fresh_intervals_of(record.kind)
            self.too_much_w = record.rated_power_w * rules.plausible_factor


class Site:
    """A site's twin. `version` is the offset of its row: records up to it are in here already."""

    __slots__ = (
        "applied",
        "conflicting",
        "connectivity",
        "crc",
        "delayed_ms",
        "duplicate",
        "expected",
        "first",
        "heard_attended_ms",
        "heard_in_a_row",
        "heard_ms",
        "is_dirty",
        "is_live_dirty",
        "is_twin_dirty",
        "key",
        "live_added",
        "look_at_ms",
        "name",
        "named",
        "quarantined_at",
        "record",
        "sequence",
        "thresholds",
        "version",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = name.encode()
        self.crc = crc32(self.key)
        self.record: SiteRecord | None = None
        self.thresholds = UNKNOWN
        self.delayed_ms = Milliseconds(0)
        self.first: Device | None = None
        """Most sites have no other: a dictionary of one takes as much as the device."""
        self.named: dict[str, Device] | None = None
        """Of a site of several: all of them, by name."""
        self.version = NOTHING_FOLDED
        self.connectivity = Connectivity.NEVER_SEEN
        self.heard_ms = NEVER
        self.heard_attended_ms = NEVER
        self.heard_in_a_row = 0
        self.sequence = 0
        self.quarantined_at: Offset | None = None
        self.applied = 0
        self.duplicate = 0
        self.conflicting = 0
        self.look_at_ms = NO_ALARM
        """Attended time at which silence has to be judged next."""
        self.live_added: Share | None = None
        self.expected: Expected | None = None
        """What the membership that was asked last expects of it."""
        self.is_dirty = False
        self.is_live_dirty = False
        self.is_twin_dirty = False

    @property
    def devices(self) -> Collection[Device]:
        """Its devices, in the order in which they became known."""
        if self.named is not None:
            return self.named.values()
        return () if self.first is None else (self.first,)

    def device(self, name: str) -> Device | None:
        """Return the device of a name."""
        if self.named is not None:
            return self.named.get(name)
        return self.first if self.first is not None and self.first.name == name else None

    def add(self, device: Device) -> Device:
        """Take in a device that it did not have."""
        if self.first is None:
            self.first = device
        elif self.named is None:
            self.named = {self.first.name: self.first, device.name: device}
        else:
            self.named[device.name] = device
        return device

    def describe(self, record: SiteRecord | None, rules: Rules, at_ms: Milliseconds = EPOCH) -> None:
        """Take in what the topology says of it now; devices that it no longer holds keep their state."""
        self.record = record
        only = record.devices[0] if record is not None and len(record.devices) == 1 else None
        if only is not None and self.first is None:
            self.add(Device(self, only.device)).describe(only, rules)
        elif only is not None and self.first is not None and self.named is None and self.first.name == only.device:
            self.first.describe(only, rules)
        else:
            self._describe_all(record, rules)
        self.expect(rules, at_ms)

    def _describe_all(self, record: SiteRecord | None, rules: Rules) -> None:
        records = {one.device: one for one in reversed(record.devices)} if record else {}
        for name in records:
            if self.device(name) is None:
                self.add(Device(self, name))
        for device in self.devices:
            device.describe(records.get(device.name), rules)

    def expect(self, rules: Rules, at_ms: Milliseconds) -> None:
        """Judge its silence by the devices that it has at a time; by all that it ever has if it has none then."""
        now_ms = ever_ms = NO_ALARM
        for device in self.devices:
            if device.record is not None:
                interval_ms = to_milliseconds(device.record.reporting_interval_s)
                ever_ms = min(ever_ms, interval_ms)
                if device.is_member(at_ms):
                    now_ms = min(now_ms, interval_ms)
        shortest_ms = now_ms if now_ms != NO_ALARM else ever_ms
        self.thresholds = _thresholds(shortest_ms if shortest_ms != NO_ALARM else Milliseconds(0), rules)
        self.delayed_ms = self.thresholds.delayed_ms


def _thresholds(shortest_ms: Milliseconds, rules: Rules) -> Thresholds:
    return _shared(shortest_ms * rules.delayed_intervals, shortest_ms * rules.offline_intervals, rules.recover_readings)


@lru_cache(maxsize=1_000)
def _shared(delayed_ms: Milliseconds, offline_ms: Milliseconds, recover_readings: int) -> Thresholds:
    return Thresholds(delayed_ms, offline_ms, recover_readings)
