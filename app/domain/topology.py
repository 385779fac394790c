"""Who belongs to what, when: a function of the set of latest records, whatever order they came in.

A rejected record has already replaced the good one in a compacted topic, so nothing is rejected here: an edge
that is not valid is ignored and reported, and heals when the set does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeVar

from app.domain.contracts import GROUP_HIERARCHY, DeviceRecord, Edge, NodeRecord, SiteRecord
from app.domain.units import Milliseconds

Parents = tuple[str, ...]
T = TypeVar("T")


def is_valid(member: Edge | DeviceRecord, at_ms: Milliseconds) -> bool:
    """Whether an edge, or a device, is valid at an instant; intervals are half-open."""
    return member.valid_from_ms <= at_ms and (member.valid_to_ms is None or at_ms < member.valid_to_ms)


def in_order(edges: Iterable[Edge]) -> list[Edge]:
    """Return edges so that the one that holds in a conflict comes first."""
    return sorted(edges, key=lambda edge: (edge.valid_from_ms, edge.node))


class Topology:
    """Nodes and sites by id, and who is above whom at any instant."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeRecord] = {}
        self.sites: dict[str, SiteRecord] = {}
        self._breakpoints: list[Milliseconds] | None = None
        self._above: dict[tuple[int, str], Parents] = {}
        self._ancestors: dict[tuple[int, tuple[Edge, ...]], Parents] = {}

    def put_node(self, node_id: str, record: NodeRecord | None) -> None:
        """Take in the latest record of a node; None removes it."""
        _put(self.nodes, node_id, record)
        self._forget()

    def put_site(self, site_id: str, record: SiteRecord | None) -> None:
        """Take in the latest record of a site; None removes it."""
        _put(self.sites, site_id, record)
        self._forget()

    def ancestors(self, site_id: str, at_ms: Milliseconds) -> Parents:
        """Return every node above a site at an instant, each once, in order of id."""
        site = self.sites.get(site_id)
        if site is None:
            return ()
        key = (self.epoch_of(at_ms), site.parents)
        found = self._ancestors.get(key)
        if found is None:
            parents = self.site_parents(site, at_ms)
            above = {node for parent in parents for node in (parent, *self.above(parent, at_ms))}
            found = self._ancestors[key] = tuple(sorted(above))
        return found

    def site_parents(self, site: SiteRecord, at_ms: Milliseconds) -> Iterator[str]:
        """Yield the valid parents of a site: one in each hierarchy, any number of groups."""
        taken: set[str] = set()
        seen: set[str] = set()
        edges = site.parents if len(site.parents) == 1 else in_order(site.parents)
        for edge in edges:
            node = self.nodes.get(edge.node)
            if node is None or edge.node in seen or not is_valid(edge, at_ms):
                continue
            if node.hierarchy != GROUP_HIERARCHY:
                if node.hierarchy in taken:
                    continue
                taken.add(node.hierarchy)
            seen.add(edge.node)
            yield edge.node

    def node_parent(self, node_id: str, at_ms: Milliseconds) -> str | None:
        """Return the parent of a node, in its own hierarchy; cycles are not looked for."""
        record = self.nodes[node_id]
        for edge in in_order(record.parents):
            parent = self.nodes.get(edge.node)
            if parent is not None and parent.hierarchy == record.hierarchy and is_valid(edge, at_ms):
                return edge.node
        return None

    def above(self, node_id: str, at_ms: Milliseconds) -> Parents:
        """Return the nodes above a node, from its parent up; an edge on a cycle is not followed."""
        key = (self.epoch_of(at_ms), node_id)
        found = self._above.get(key)
        if found is None:
            found = self._above[key] = self._climb(node_id, at_ms)
        return found

    def _climb(self, node_id: str, at_ms: Milliseconds) -> Parents:
        path = [node_id]
        while (parent := self.node_parent(path[-1], at_ms)) is not None:
            if parent in path:
                return tuple(path[1 : path.index(parent) + 1])
            path.append(parent)
        return tuple(path[1:])

    def cycle_at(self, node_id: str, at_ms: Milliseconds) -> Parents:
        """Return the cycle on which a node lies, or nothing."""
        path = [node_id]
        while (parent := self.node_parent(path[-1], at_ms)) is not None:
            if parent == node_id:
                return tuple(path)
            if parent in path:
                return ()
            path.append(parent)
        return ()

    @property
    def breakpoints(self) -> list[Milliseconds]:
        """The instants at which an edge or a device begins or ends to be valid, in order."""
        if self._breakpoints is None:
            instants: set[Milliseconds] = set()
            for node in self.nodes.values():
                _add_instants(instants, node.parents)
            for site in self.sites.values():
                _add_instants(instants, site.parents)
                _add_instants(instants, site.devices)
            self._breakpoints = sorted(instants)
        return self._breakpoints

    def epoch_of(self, at_ms: Milliseconds) -> int:
        """Return the number of the span between two breakpoints in which an instant lies."""
        return bisect_right(self.breakpoints, at_ms)

    def _forget(self) -> None:
        self._breakpoints = None
        self._above.clear()
        self._ancestors.clear()


def _put(held: dict[str, T], name: str, record: T | None) -> None:
    if record is None:
        held.pop(name, None)
    else:
        held[name] = record


def _add_instants(instants: set[Milliseconds], members: tuple[Edge, ...] | tuple[DeviceRecord, ...]) -> None:
    for member in members:
        if member.valid_from_ms > Milliseconds(0):
            instants.add(member.valid_from_ms)
        if member.valid_to_ms is not None:
            instants.add(member.valid_to_ms)


def earliest_effect_ms(old: SiteRecord | None, new: SiteRecord | None) -> Milliseconds | None:
    """Return the first instant from which two records of a site differ, or None if they do not.

    A device that is another or gone makes a difference everywhere: its readings count by what it is, those from
    outside its validity, too.
    """
    if old is not None and new is not None and _described(old).items() - _described(new).items():
        return Milliseconds(0)
    if old is not None and new is not None:
        return _earliest({*old.parents, *old.devices}, {*new.parents, *new.devices})
    only = old if old is not None else new
    if only is None:
        return None
    begins = [one.valid_from_ms for one in only.parents]
    return min(begins + [one.valid_from_ms for one in only.devices], default=None)


def earliest_node_effect_ms(old: NodeRecord | None, new: NodeRecord | None) -> Milliseconds | None:
    """Return the first instant from which two records of a node differ, or None if they do not."""
    if old is None or new is None or (old.level, old.hierarchy) != (new.level, new.hierarchy):
        return None if old == new else Milliseconds(0)
    return _earliest({*old.parents}, {*new.parents})


def _described(site: SiteRecord) -> dict[str, tuple[object, ...]]:
    """Return what each device is; of two records of one device the first holds."""
    return {
        one.device: (one.kind, one.rated_power_w, one.reporting_interval_s, one.usable_capacity_wh)
        for one in reversed(site.devices)
    }


def _earliest(old: set[Edge | DeviceRecord], new: set[Edge | DeviceRecord]) -> Milliseconds | None:
    return min((_first_difference(one, old, new) for one in old ^ new), default=None)


def _first_difference(
    member: Edge | DeviceRecord, old: set[Edge | DeviceRecord], new: set[Edge | DeviceRecord]
) -> Milliseconds:
    """An edge whose end was moved differs from the earlier of the two ends on."""
    others = new if member in old else old
    same = [other for other in others if _without_end(other) == _without_end(member)]
    ends = [one.valid_to_ms for one in (member, *same) if one.valid_to_ms is not None]
    return min(ends) if same else member.valid_from_ms


def _without_end(member: Edge | DeviceRecord) -> tuple[object, ...]:
    if isinstance(member, Edge):
        return member.node, member.valid_from_ms
    return tuple(getattr(member, name) for name in member.__struct_fields__ if name != "valid_to_ms")
