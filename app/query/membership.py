"""What the view holds of topology, and who is above and below whom at an instant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec

from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology import Topology
from app.domain.topology_faults import usable
from app.domain.units import Milliseconds
from app.kafka.clients import partition_of
from app.query.clocks import Clocks
from app.query.events import Event, event_data
from app.query.rows import NODE, SITE, Draft, after, name_of, named_key

KEPT_EPOCHS = 4
KEPT_PARENTS = 200_000
_node = msgspec.json.Decoder(NodeRecord).decode
_site = msgspec.json.Decoder(SiteRecord).decode


class Below:
    """The children of every node at an instant, in order of id."""

    def __init__(self, topology: Topology, at_ms: Milliseconds) -> None:
        self.nodes: dict[str, list[str]] = {}
        self.sites: dict[str, list[str]] = {}
        for name in sorted(topology.nodes):
            for parent in topology.above(name, at_ms)[:1]:
                self.nodes.setdefault(parent, []).append(name)
        for name in sorted(topology.sites):
            for parent in topology.site_parents(topology.sites[name], at_ms):
                self.sites.setdefault(parent, []).append(name)


class Membership:
    """Topology as the topics have it, with its inverse."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.topology = Topology()
        self.version = 0
        self._below: OrderedDict[int, Below] = OrderedDict()
        self._ordered: dict[bytes, list[str]] = {}
        self._parents: dict[tuple[int, bytes, str], list[str]] = {}
        self._partitions: dict[int, dict[str, frozenset[int]]] = {}

    def restore(self) -> None:
        """Bring back what is in memory."""
        for key, row in self._draft.rows.scan(NODE, after(NODE)):
            self.topology.put_node(name_of(key), _node(row))
        for key, row in self._draft.rows.scan(SITE, after(SITE)):
            self.topology.put_site(name_of(key), usable(_site(row)))
        self._changed()

    def take_node(self, record: Any, _: Clocks) -> Iterator[Event]:
        """Take in the latest record of a node; None removes it, and so does one that cannot be read."""
        name, value = (record.key or b"").decode(errors="replace"), record.value
        node = readable(_node, value)
        self.topology.put_node(name, node)
        yield self._put(NODE, name, value if node is not None else None)

    def take_site(self, record: Any, _: Clocks) -> Iterator[Event]:
        """Take in the latest record of a site; None removes it, and so does one that cannot be read."""
        name, value = (record.key or b"").decode(errors="replace"), record.value
        site = readable(_site, value)
        self.topology.put_site(name, usable(site) if site is not None else None)
        yield self._put(SITE, name, value if site is not None else None)

    def _put(self, family: bytes, name: str, value: bytes | None) -> Event:
        self._draft.put(named_key(family, name), value)
        self._changed()
        kind = "node" if family == NODE else "site"
        nodes, sites = ((name,), ()) if family == NODE else ((), (name,))
        return Event("topology", ("topology", kind, name), nodes, sites,
                     event_data({"id": name, "type": kind, "removed": value is None}))  # fmt: skip

    def _changed(self) -> None:
        self.version += 1
        self._below.clear()
        self._ordered.clear()
        self._partitions.clear()
        self._parents.clear()

    def instant(self, at_ms: int) -> Milliseconds:
        """Return an instant in the unit of topology."""
        return Milliseconds(at_ms)

    def below(self, at_ms: int) -> Below:
        """Return the children of every node at an instant; a few instants' are kept."""
        epoch = self.topology.epoch_of(Milliseconds(at_ms))
        found = self._below.get(epoch)
        if found is None:
            found = self._below[epoch] = Below(self.topology, Milliseconds(at_ms))
            while len(self._below) > KEPT_EPOCHS:
                self._below.popitem(last=False)
        return found

    def ordered(self, family: bytes) -> list[str]:
        """Return the ids of all nodes, or of all sites, in order."""
        found = self._ordered.get(family)
        if found is None:
            found = self._ordered[family] = sorted(self.topology.nodes if family == NODE else self.topology.sites)
        return found

    def partitions_below(self, name: str, at_ms: int, partitions: int) -> frozenset[int]:
        """Return the partitions in which the sites below a node are made."""
        epoch = self.topology.epoch_of(Milliseconds(at_ms))
        found = self._partitions.get(epoch)
        if found is None:
            held: dict[str, set[int]] = {}
            for site in self.topology.sites:
                part = partition_of(site.encode(errors="surrogatepass"), partitions)
                for node in self.topology.ancestors(site, Milliseconds(at_ms)):
                    held.setdefault(node, set()).add(part)
            self._partitions.clear()
            found = self._partitions[epoch] = {node: frozenset(parts) for node, parts in held.items()}
        return found.get(name, frozenset())

    def parents(self, family: bytes, name: str, at_ms: int) -> list[str]:
        """Return the parents of a node or a site at an instant."""
        at = Milliseconds(at_ms)
        key = self.topology.epoch_of(at), family, name
        found = self._parents.get(key)
        if found is None:
            found = self._parents[key] = (
                list(self.topology.above(name, at)[:1]) if family == NODE
                else sorted(self.topology.site_parents(self.topology.sites[name], at))
            )  # fmt: skip
            if len(self._parents) > KEPT_PARENTS:
                self._parents.clear()
        return found

    def ancestors(self, family: bytes, name: str, at_ms: int) -> list[str]:
        """Return everything above a node or a site, nearest first, each once."""
        found: dict[str, None] = {}
        level = self.parents(family, name, at_ms)
        while level:
            found.update(dict.fromkeys(level))
            level = [up for one in level for up in self.parents(NODE, one, at_ms) if up not in found]
        return list(found)

    def descendants(self, name: str, at_ms: int, depth: int) -> Iterator[tuple[int, bytes, str]]:
        """Yield depth, family and id of everything below a node: level by level, nodes before sites."""
        below, level = self.below(at_ms), [name]
        seen = {name}
        for at_depth in range(1, depth + 1):
            nodes = [one for above in level for one in below.nodes.get(above, ()) if one not in seen]
            sites = dict.fromkeys(one for above in level for one in below.sites.get(above, ()))
            seen.update(nodes)
            yield from ((at_depth, NODE, one) for one in nodes)
            yield from ((at_depth, SITE, one) for one in sites)
            level = nodes
            if not level:
                return


def readable(decode: Any, value: bytes | None) -> Any:
    """Return what a record says, or None."""
    try:
        return decode(value) if value is not None else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
