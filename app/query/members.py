"""Nodes and sites as answers: what each is, where it stands, what it does now."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec

from app.domain.contracts import (
    ALL_KINDS,
    SITE_LEVEL,
    DeviceRecord,
    LiveAggregate,
    LiveKind,
    NodeRecord,
    SiteRecord,
    TwinDevice,
    TwinUpdated,
)
from app.domain.rules import Rules
from app.domain.topology import is_valid
from app.domain.units import MS_PER_S, Milliseconds, Watts
from app.kafka.clients import partition_of
from app.query.coverage import Coverage, live_coverage
from app.query.rows import NODE, SITE, TWIN, Held, named_key, unpack
from app.query.view import View

KEPT_RECORDS = 20_000
"""Decoded records that are kept: a list of nodes or sites is asked for far more often than they change."""

read_live = lru_cache(KEPT_RECORDS)(msgspec.json.Decoder(LiveAggregate).decode)
read_twin = lru_cache(KEPT_RECORDS)(msgspec.json.Decoder(TwinUpdated).decode)


class MemberLive(msgspec.Struct, frozen=True, kw_only=True):
    """What a node or a site does now."""

    active_power_w: int
    import_w: int
    export_w: int
    stale_power_w: int
    state: str | None
    connectivity: str | None = None
    as_of_ms: int
    revision: int
    coverage: Coverage | None
    is_stale: bool = False


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node or a site in a list."""

    id: str
    type: str
    level: str
    hierarchy: str | None
    parents: list[str]
    nodes: int = 0
    sites: int = 0
    depth: int | None = None
    location: tuple[float, float] | None = None
    live: MemberLive | None = None


class NodeAnswer(msgspec.Struct, frozen=True):
    """A node, what is above it, nearest first, and its record as it was applied."""

    node: Member
    ancestors: list[Member]
    record: NodeRecord


class SiteDevice(NamedTuple):
    """A device as topology has it, its latest reading, and whether that is fresh."""

    record: DeviceRecord
    reading: TwinDevice | None
    is_fresh: bool


def kind_of(family: bytes) -> str:
    """Return the word for a family of ids."""
    return "node" if family == NODE else "site"


def partition_of_id(view: View, name: str) -> int:
    """Return the partition in which everything of a node or a site is made."""
    return _partition(name, view.rules.partitions)


@lru_cache(1 << 18)
def _partition(name: str, partitions: int) -> int:
    return partition_of(name.encode(errors="surrogatepass"), partitions)


def describe(view: View, family: bytes, name: str, at_ms: int, depth: int | None = None) -> Member:
    """Return what a node or a site is at an instant, and does now."""
    parents = view.membership.parents(family, name, at_ms)
    if family == SITE:
        return Member(id=name, type="site", level=SITE_LEVEL, hierarchy=None, parents=parents, depth=depth,
                      location=view.membership.topology.sites[name].location, live=site_live(view, name))  # fmt: skip
    record, below = view.membership.topology.nodes[name], view.membership.below(at_ms)
    held = view.aggregates.live.get(name)
    return Member(
        id=name, type="node", level=record.level, hierarchy=record.hierarchy, parents=parents, depth=depth,
        nodes=len(below.nodes.get(name, ())), sites=len(below.sites.get(name, ())),
        live=node_live(held) if held is not None else None,
    )  # fmt: skip


def node_live(held: Held) -> MemberLive:
    """Return the total of a live record."""
    live = read_live(held.value)
    total = live.kinds.get(ALL_KINDS, NOTHING)
    return _member_live(total, live.state, None, int(live.as_of_ms), int(live.revision))


def twin_of(view: View, name: str) -> TwinUpdated | None:
    """Return the twin of a site, if it ever was published."""
    row = view.draft.get(named_key(TWIN, name))
    return read_twin(unpack(row).value) if row is not None else None


def site_as_of_ms(view: View, name: str, twin: TwinUpdated) -> int:
    """Return the stream time of a site: a twin is published when it changes, its partition's time goes on."""
    return max(int(twin.as_of_ms), view.clocks.as_of_ms("twin", partition_of_id(view, name)) or 0)


def site_live(view: View, name: str) -> MemberLive | None:
    """Return what a site does now, by its devices' latest readings."""
    twin = twin_of(view, name)
    if twin is None:
        return None
    as_of_ms = site_as_of_ms(view, name, twin)
    devices = site_devices(view.membership.topology.sites.get(name), twin, as_of_ms, view.rules)
    total = total_of(devices)
    state = _state(total)
    return _member_live(total, state, twin.connectivity, as_of_ms, int(twin.revision))


def site_devices(record: SiteRecord | None, twin: TwinUpdated, as_of_ms: int, rules: Rules) -> list[SiteDevice]:
    """Return the devices that a site has at an instant, with their latest readings."""
    readings = {one.device: one for one in twin.devices}
    valid = [one for one in record.devices if is_valid(one, Milliseconds(as_of_ms))] if record is not None else []
    return [SiteDevice(one, readings.get(one.device), _is_fresh(one, readings.get(one.device), as_of_ms, rules))
            for one in valid]  # fmt: skip


def stale_after_ms(record: DeviceRecord, rules: Rules) -> int:
    """Return how long a reading of a device is fresh."""
    intervals = rules.fresh_intervals_by_kind.get(record.kind, rules.fresh_intervals)
    return intervals * int(record.reporting_interval_s) * MS_PER_S


def _is_fresh(record: DeviceRecord, reading: TwinDevice | None, as_of_ms: int, rules: Rules) -> bool:
    if reading is None or reading.measured_at_ms is None or reading.heard_at_ms is None:
        return False
    latest_ms = min(int(reading.measured_at_ms), int(reading.heard_at_ms))
    return as_of_ms - latest_ms < stale_after_ms(record, rules)


def total_of(devices: list[SiteDevice]) -> LiveKind:
    """Return what devices add up to, fresh and stale apart."""
    powers = [int(one.reading.active_power_w or 0) for one in devices if one.reading is not None and one.is_fresh]
    stale = [one for one in devices if one.reading is not None and not one.is_fresh]
    stale_w = sum(int(one.reading.active_power_w or 0) for one in stale if one.reading is not None)
    return LiveKind(
        active_power_w=Watts(sum(powers)),
        import_w=Watts(sum(power for power in powers if power > 0)),
        export_w=Watts(-sum(power for power in powers if power < 0)),
        stale_power_w=Watts(stale_w),
        devices_fresh=len(powers),
        devices_stale=len(stale),
        devices_never=len(devices) - len(powers) - len(stale),
        rated_power_w=Watts(sum(int(one.record.rated_power_w) for one in devices)),
        stale_rated_power_w=Watts(sum(int(one.record.rated_power_w) for one in stale)),
    )


NOTHING = total_of([])


def _state(total: LiveKind) -> str:
    if not total.devices_fresh:
        return "stale" if total.devices_stale else "empty"
    return "partial" if total.devices_stale or total.devices_never else "complete"


def _member_live(total: LiveKind, state: str, connectivity: str | None, as_of_ms: int, revision: int) -> MemberLive:
    return MemberLive(
        active_power_w=int(total.active_power_w), import_w=int(total.import_w), export_w=int(total.export_w),
        stale_power_w=int(total.stale_power_w), state=state, connectivity=connectivity, as_of_ms=as_of_ms,
        revision=revision, coverage=live_coverage(total),
    )  # fmt: skip
