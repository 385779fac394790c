"""Every record that crosses a topic, as a frozen struct; field order is the order on the wire.

Public records are JSON objects; `Contribution` and `Watermark` are msgpack arrays between the two roles.
Powers in watts and energies in joules follow the load convention; `_ms` is Unix epoch milliseconds, UTC.
Unknown is absent or null, never 0. Readers ignore fields that they do not know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from app.domain.units import Joules, Milliseconds, Offset, Seconds, WattHours, Watts

SCHEMA = 1
ALL_KINDS = "all"
SITE_LEVEL = "site"
GROUP_HIERARCHY = "group"


class Reason(StrEnum):
    """Why a telemetry record, or some readings of it, were rejected: the closed list."""

    MALFORMED = "malformed"  # not UTF-8, not JSON, too deep, a number of the wrong shape, NaN
    DUPLICATE_KEY = "duplicate_key"  # the same member twice in one JSON object
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"  # an empty value, device id or array
    TOO_MANY_READINGS = "too_many_readings"
    TOO_LARGE = "too_large"
    NO_KEY = "no_key"
    UNKNOWN_SITE = "unknown_site"
    UNKNOWN_DEVICE = "unknown_device"
    FOREIGN_DEVICE = "foreign_device"  # known, but at another site of the partition
    WRONG_PARTITION = "wrong_partition"
    TOO_LATE = "too_late"
    FUTURE = "future"
    OUT_OF_RANGE = "out_of_range"
    INTERNAL_ERROR = "internal_error"  # folding raised; the site is in quarantine


# --- input -----------------------------------------------------------------------------------------


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One admitted measurement of one device."""

    device: str
    measured_at_ms: Milliseconds
    active_power_w: Watts
    reactive_power_var: int | None = None
    state_of_charge_wh: WattHours | None = None
    energy_import_wh: WattHours | None = None
    energy_export_wh: WattHours | None = None


class Edge(msgspec.Struct, frozen=True, gc=False):
    """Membership in a parent node, valid in the half-open interval [valid_from_ms, valid_to_ms)."""

    node: str
    valid_from_ms: Milliseconds = Milliseconds(0)
    valid_to_ms: Milliseconds | None = None


class DeviceRecord(msgspec.Struct, frozen=True, gc=False):
    """A device of a site, valid in a half-open interval."""

    device: str
    kind: str
    rated_power_w: Watts
    reporting_interval_s: Seconds
    usable_capacity_wh: WattHours | None = None
    valid_from_ms: Milliseconds = Milliseconds(0)
    valid_to_ms: Milliseconds | None = None


class SiteRecord(msgspec.Struct, frozen=True, gc=False):
    """What topology.site holds of a site; its id is the record's key."""

    parents: tuple[Edge, ...]
    devices: tuple[DeviceRecord, ...]
    location: tuple[float, float] | None = None


class NodeRecord(msgspec.Struct, frozen=True, gc=False):
    """What topology.node holds of a node; its id is the record's key."""

    level: str
    hierarchy: str
    parents: tuple[Edge, ...] = ()


# --- between the roles ------------------------------------------------------------------------------


class KindTotals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the devices of one kind below a node add up to in one window."""

    readings: int
    sum_w: Watts
    mean_power_w: Watts
    energy_import_j: Joules
    energy_export_j: Joules
    devices_expected: int
    devices_reporting: int
    covered_device_s: Seconds
    expected_device_s: Seconds


class WindowTotals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One partition's share of a node in one window."""

    kinds: dict[str, KindTotals]  # without "all"
    sites_expected: int
    sites_reporting: int
    rated_power_expected_w: Watts
    rated_power_reporting_w: Watts
    oldest_measured_at_ms: Milliseconds | None
    newest_measured_at_ms: Milliseconds | None


class KindLive(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the devices of one kind below a node do now; rated powers are of all and of the stale ones."""

    active_power_w: Watts
    import_w: Watts
    export_w: Watts
    stale_power_w: Watts
    devices_fresh: int
    devices_stale: int
    devices_never: int
    rated_power_w: Watts
    stale_rated_power_w: Watts


class LiveTotals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One partition's share of a node now."""

    as_of_ms: Milliseconds
    kinds: dict[str, KindLive]
    sites: tuple[int, int, int, int, int]  # online, delayed, recovering, offline, never_seen
    storage: tuple[WattHours, WattHours, Watts, Watts]  # state of charge, usable, charge, discharge available


class Contribution(msgspec.Struct, array_like=True, frozen=True, tag="c"):
    """A partition's whole share of a node: replaces its slot when the version is not older.

    `window_start_ms` is None for the live share. `version` is the telemetry offset of the last record folded.
    """

    node: str
    level: str
    hierarchy: str
    partition: int
    version: Offset
    window_start_ms: Milliseconds | None
    final: bool
    window: WindowTotals | None
    live: LiveTotals | None


class Watermark(msgspec.Struct, array_like=True, frozen=True, tag="w"):
    """Partition `partition` has closed every window that ends at or before `closed_through_ms`.

    `first_window_ms` is the first window it vouches for: it began to read within that one.
    """

    partition: int
    version: Offset
    first_window_ms: Milliseconds
    closed_through_ms: Milliseconds


# --- aggregates --------------------------------------------------------------------------------------

Status = Literal["provisional", "final", "corrected"]
Completeness = Literal["complete", "partial", "stale", "empty"]


class WindowKind(msgspec.Struct, frozen=True, gc=False):
    """`KindTotals` as published."""

    readings: int
    sum_w: Watts
    mean_power_w: Watts
    energy_import_j: Joules
    energy_export_j: Joules
    devices_expected: int
    devices_reporting: int
    covered_device_s: Seconds
    expected_device_s: Seconds


class SiteCount(msgspec.Struct, frozen=True, gc=False):
    expected: int
    reporting: int


class RatedPower(msgspec.Struct, frozen=True, gc=False):
    expected: Watts
    reporting: Watts


class WindowAggregate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """aggregate.<level>, key `node|window_start_ms`: replaces the one before; the newest revision wins."""

    schema: int = SCHEMA
    node: str
    level: str
    hierarchy: str
    window_start_ms: Milliseconds
    window_s: Seconds
    revision: Offset
    status: Status
    state: Completeness
    waiting_for: tuple[int, ...]
    kinds: dict[str, WindowKind]
    sites: SiteCount
    rated_power_w: RatedPower
    oldest_measured_at_ms: Milliseconds | None
    newest_measured_at_ms: Milliseconds | None


class LiveKind(msgspec.Struct, frozen=True, gc=False):
    """`KindLive` as published."""

    active_power_w: Watts
    import_w: Watts
    export_w: Watts
    stale_power_w: Watts
    devices_fresh: int
    devices_stale: int
    devices_never: int
    rated_power_w: Watts
    stale_rated_power_w: Watts


class SiteStates(msgspec.Struct, frozen=True, gc=False):
    online: int
    delayed: int
    recovering: int
    offline: int
    never_seen: int


class Storage(msgspec.Struct, frozen=True, gc=False):
    state_of_charge_wh: WattHours
    usable_capacity_wh: WattHours
    charge_power_available_w: Watts
    discharge_power_available_w: Watts


class LiveAggregate(msgspec.Struct, frozen=True, kw_only=True):
    """aggregate.<level>, key `node|live`."""

    schema: int = SCHEMA
    node: str
    level: str
    hierarchy: str
    as_of_ms: Milliseconds
    revision: Offset
    state: Completeness
    kinds: dict[str, LiveKind]
    sites: SiteStates
    storage: Storage


class SiteWindow(msgspec.Struct, frozen=True, kw_only=True):
    """aggregate.site, key `site|window_start_ms`: a closed window of a site that said something in it.

    `state_of_charge_wh` holds, by device, the state of charge in the newest reading of the window that had one.
    """

    schema: int = SCHEMA
    node: str
    level: str = SITE_LEVEL
    window_start_ms: Milliseconds
    window_s: Seconds
    revision: Offset
    status: Status
    state: Completeness
    kinds: dict[str, WindowKind]
    state_of_charge_wh: dict[str, WattHours]
    oldest_measured_at_ms: Milliseconds
    newest_measured_at_ms: Milliseconds


# --- twins -----------------------------------------------------------------------------------------------


class TwinDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The latest reading of a device and what it is doing."""

    device: str
    kind: str | None
    operation: str | None
    measured_at_ms: Milliseconds | None
    heard_at_ms: Milliseconds | None
    active_power_w: Watts | None
    reactive_power_var: int | None
    state_of_charge_wh: WattHours | None
    energy_import_wh: WattHours | None
    energy_export_wh: WattHours | None
    clock_skew_s: Seconds | None = None


class TwinCounts(msgspec.Struct, frozen=True):
    applied: int
    duplicate: int
    conflicting: int


class TwinUpdated(msgspec.Struct, frozen=True, kw_only=True):
    """twin.updated, key = site id: the whole twin."""

    schema: int = SCHEMA
    site: str
    revision: Offset
    as_of_ms: Milliseconds
    connectivity: str
    heard_at_ms: Milliseconds | None
    quarantined: bool
    devices: list[TwinDevice]
    readings: TwinCounts
    clock_skew_s: Seconds | None = None


Machine = Literal["connectivity", "operation", "quarantine"]


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """twin.transitioned, key = site id: one step of a state machine; (site, sequence) names it for ever."""

    schema: int = SCHEMA
    site: str
    device: str | None
    machine: Machine
    before: str
    after: str
    cause: str
    at_ms: Milliseconds
    sequence: int
    revision: Offset
