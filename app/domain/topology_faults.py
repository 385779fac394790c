"""Everything that is wrong with a topology, each in one sentence: what is ignored, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from app.domain.contracts import GROUP_HIERARCHY, SITE_LEVEL, DeviceRecord, Edge, SiteRecord
from app.domain.telemetry import MAX_POWER, MAX_REGISTER
from app.domain.topology import Topology, in_order
from app.domain.units import Milliseconds, Seconds, WattHours, Watts

KIND = re.compile(r"(?!all$)[^\W\dA-Z][^\WA-Z]*")
"""A word of any language, in lower case where it has one; `all` is the sum of the kinds."""
LONGEST_INTERVAL_S = 86_400
FOREVER = Milliseconds(1 << 62)
A_FEW = 2_000
"""Records looked at in one step, which takes some milliseconds."""


def faults(topology: Topology) -> list[str]:
    """Return every fault of the set of latest records, in order of id."""
    return sorted({fault for some in faults_in_steps(topology) for fault in some})


def faults_in_steps(topology: Topology) -> Iterator[list[str]]:
    """Yield the same in any order, those of a few records at a time: other work can go on between."""
    edges = [edge for node in topology.nodes.values() for edge in node.parents]
    instants = {at for edge in edges for at in (edge.valid_from_ms, edge.valid_to_ms) if at is not None}
    for names in _few(list(topology.nodes)):
        yield [fault for name in names for fault in _node_faults(topology, name, instants)]
    sound: set[tuple[Edge, ...]] = set()
    for names in _few(list(topology.sites)):
        yield [fault for name in names for fault in _site_faults(topology, name, sound)]
    yield from _claim_faults(topology)


def _few(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), A_FEW):
        yield names[start : start + A_FEW]


def usable(site: SiteRecord) -> SiteRecord:
    """Return a site without the devices that no rule can count: a kind that is no word, a number beyond any sense."""
    for device in site.devices:
        if not _is_usable(device):
            devices = tuple(one for one in site.devices if _is_usable(one))
            return msgspec.structs.replace(site, devices=devices)
    return site


def _is_usable(device: DeviceRecord) -> bool:
    return bool(device.device) and _is_countable(
        device.kind, device.rated_power_w, device.reporting_interval_s, device.usable_capacity_wh,
        device.valid_from_ms, device.valid_to_ms,
    )  # fmt: skip


@lru_cache(maxsize=10_000)
def _is_countable(kind: str, rated_w: Watts, interval_s: Seconds, capacity_wh: WattHours | None,
                  from_ms: Milliseconds, to_ms: Milliseconds | None) -> bool:  # fmt: skip
    """Most devices differ from others by their names only."""
    device = DeviceRecord("any", kind, rated_w, interval_s, capacity_wh, from_ms, to_ms)
    return not any(_device_field_faults("", device))


def _node_faults(topology: Topology, name: str, instants: Iterable[Milliseconds]) -> Iterator[str]:
    node = topology.nodes[name]
    if not name:
        yield "a node has an empty id; give it one"
    if not node.level or node.level == SITE_LEVEL:
        yield f"node {name!r}: level {node.level!r} is empty or reserved; name another"
    if not node.hierarchy:
        yield f"node {name!r}: hierarchy is empty; name one"
    yield from _edge_faults(topology, f"node {name!r}", node.parents)
    for edge in node.parents:
        parent = topology.nodes.get(edge.node)
        if parent is not None and parent.hierarchy != node.hierarchy:
            yield (
                f"node {name!r}: parent {edge.node!r} is in hierarchy {parent.hierarchy!r}, not in "
                f"{node.hierarchy!r}; a node's parents are in its own"
            )
    yield from _second_parents(f"node {name!r}", node.hierarchy, in_order(node.parents))
    yield from _cycles(topology, name, instants)


def _cycles(topology: Topology, name: str, instants: Iterable[Milliseconds]) -> Iterator[str]:
    """A cycle begins where one of its edges begins, or one that held before it ends."""
    for at_ms in instants:
        cycle = topology.cycle_at(name, at_ms)
        if cycle and name == min(cycle):
            yield f"cycle: {' -> '.join((*cycle, name))}; a node cannot be above itself"


def _site_faults(topology: Topology, name: str, sound: set[tuple[Edge, ...]]) -> Iterator[str]:
    """Most sites have the parents of some other: those found sound are not looked at again."""
    site = topology.sites[name]
    if not name:
        yield "a site has an empty id; give it one"
    if not site.parents:
        yield f"site {name!r} has no parent; it would be in no total"
    elif site.parents not in sound:
        found = [*_parent_faults(topology, name, site)]
        if not found:
            sound.add(site.parents)
        yield from found
    for device in site.devices:
        if not _is_usable(device):
            yield from _device_field_faults(name, device)


def _parent_faults(topology: Topology, name: str, site: SiteRecord) -> Iterator[str]:
    yield from _edge_faults(topology, f"site {name!r}", site.parents)
    by_hierarchy: dict[str, list[Edge]] = {}
    for edge in in_order(site.parents):
        if edge.node in topology.nodes:
            by_hierarchy.setdefault(topology.nodes[edge.node].hierarchy, []).append(edge)
    for hierarchy, edges in by_hierarchy.items():
        if hierarchy != GROUP_HIERARCHY:
            yield from _second_parents(f"site {name!r}", hierarchy, edges)


def _edge_faults(topology: Topology, subject: str, edges: Iterable[Edge]) -> Iterator[str]:
    for edge in edges:
        if edge.node not in topology.nodes:
            yield f"{subject}: parent {edge.node!r} is not a node; apply that node, too"
        if edge.valid_to_ms is not None and edge.valid_to_ms <= edge.valid_from_ms:
            yield f"{subject}: membership in {edge.node!r} ends at {edge.valid_to_ms}, not after {edge.valid_from_ms}"


def _second_parents(subject: str, hierarchy: str, edges: list[Edge]) -> Iterator[str]:
    for i, one in enumerate(edges):
        for other in edges[i + 1 :]:
            if one.node != other.node and _overlap(one, other):
                yield (
                    f"{subject}: {one.node!r} and {other.node!r} are both parents in hierarchy {hierarchy!r} at one "
                    "time; end one before the other begins"
                )


def _overlap(one: Edge | DeviceRecord, other: Edge | DeviceRecord) -> bool:
    return one.valid_from_ms < (other.valid_to_ms or FOREVER) and other.valid_from_ms < (one.valid_to_ms or FOREVER)


def _device_field_faults(site: str, device: DeviceRecord) -> Iterator[str]:
    subject = f"site {site!r}, device {device.device!r}"
    if not device.device:
        yield f"site {site!r}: a device has an empty id; give it one"
    if not KIND.fullmatch(device.kind) or device.kind != device.kind.lower():
        yield f"{subject}: kind {device.kind!r} is not a lower-case word, or reserved"
    if not 0 <= int(device.rated_power_w) <= MAX_POWER:
        yield f"{subject}: rated_power_w is {device.rated_power_w}; expected 0 to {MAX_POWER}"
    if device.usable_capacity_wh is not None and not 0 <= int(device.usable_capacity_wh) <= MAX_REGISTER:
        yield f"{subject}: usable_capacity_wh is {device.usable_capacity_wh}; expected 0 to {MAX_REGISTER}"
    if not 1 <= int(device.reporting_interval_s) <= LONGEST_INTERVAL_S:
        yield f"{subject}: reporting_interval_s is {device.reporting_interval_s}; expected 1 to {LONGEST_INTERVAL_S}"
    if device.valid_to_ms is not None and device.valid_to_ms <= device.valid_from_ms:
        yield f"{subject}: valid until {device.valid_to_ms}, not after {device.valid_from_ms}"


def _claim_faults(topology: Topology) -> Iterator[list[str]]:
    """Of the sites that claim a device, each is told of one other: a name that thousands share stays one fault each."""
    first: dict[str, str] = {}
    claiming: set[str] = set()
    for names in _few(list(topology.sites)):
        for name in names:
            for device in topology.sites[name].devices:
                if device.device in first:
                    claiming.update((first[device.device], name))
                else:
                    first[device.device] = name
        yield []
    seen: dict[str, list[tuple[str, DeviceRecord]]] = {}
    for names in _few(sorted(claiming)):
        yield [fault for name in names for fault in _device_faults(name, topology.sites[name], seen)]


def _device_faults(site: str, record: SiteRecord, seen: dict[str, list[tuple[str, DeviceRecord]]]) -> Iterator[str]:
    for device in record.devices:
        held = seen.setdefault(device.device, [])
        if held and held[-1][0] == site:
            yield f"device {device.device!r} is at site {site!r} twice; only the first is used"
        elif other := next((one for one, claimed in held if _overlap(device, claimed)), None):
            yield f"device {device.device!r} is at site {other!r} and at site {site!r} at one time"
        held.append((site, device))
