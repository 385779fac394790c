"""What applying topology would change, and everything that would be wrong with the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from app import topics
from app.dataset.format import Member
from app.domain.contracts import SITE_LEVEL, NodeRecord, SiteRecord
from app.domain.operation import KNOWN_KINDS
from app.domain.topology import Topology
from app.domain.topology_faults import faults
from app.errors import GridtwinError
from app.kafka.clients import read_to_end

Record = NodeRecord | SiteRecord | None
T = TypeVar("T")


class Change(NamedTuple):
    """A member whose record is not the one that the topic holds."""

    member: Member
    before: Record

    @property
    def sentence(self) -> str:
        """What will change."""
        subject, after = f"{self.member.type} {self.member.id}", self.member.record
        if after is None:
            return f"remove {subject}"
        if self.before is None:
            return f"add {subject}"
        fields = [name for name in after.__struct_fields__ if getattr(self.before, name) != getattr(after, name)]
        return f"change {subject}: {', '.join(fields)}" if fields else f"write {subject} again"


async def read_topics(broker: str) -> Topology:
    """Return what the topics hold; a record that cannot be read counts as absent."""
    found = Topology()
    for name, node in (await read_nodes(broker)).items():
        found.put_node(name, node)
    async for record in read_to_end(broker, topics.TOPOLOGY_SITE):
        found.put_site(_name(record.key), _decode(record.value, SiteRecord))
    return found


async def read_nodes(broker: str) -> dict[str, NodeRecord]:
    """Return the nodes that the topic holds."""
    nodes = {}
    async for record in read_to_end(broker, topics.TOPOLOGY_NODE):
        nodes[_name(record.key)] = _decode(record.value, NodeRecord)
    return {name: node for name, node in nodes.items() if node is not None}


def _name(key: bytes | None) -> str:
    return (key or b"").decode(errors="replace")


def _decode(value: bytes | None, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(value, type=kind) if value is not None else None
    except (msgspec.MsgspecError, UnicodeError):
        return None


def plan(now: Topology, members: Iterable[Member], *, again: bool = False) -> list[Change]:
    """Return what changes, with *again* also what is as before, and put it into *now*."""
    changes = []
    for member in members:
        before = now.nodes.get(member.id) if member.type == "node" else now.sites.get(member.id)
        if again or before != member.record:
            changes.append(Change(member, before))
            _put(now, member)
    return changes


def _put(now: Topology, member: Member) -> None:
    record = member.record
    if member.type == "node":
        now.put_node(member.id, record if isinstance(record, NodeRecord) else None)
    else:
        now.put_site(member.id, record if isinstance(record, SiteRecord) else None)


def faults_of(now: Topology, members: list[Member], existing: set[str]) -> list[str]:
    """Return every fault of the result, and of the file by itself; *existing* are the topics that there are."""
    return [*_faults_of_file(members), *_shared_ids(now), *_levels_without_topic(now, existing), *faults(now)]


def _faults_of_file(members: list[Member]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for member in members:
        if (member.type, member.id) in seen:
            yield f"{member.type} {member.id!r} is in the file twice; which one holds is not known"
        seen.add((member.type, member.id))
        if member.type not in ("node", "site"):
            yield f"{member.id!r} is a {member.type!r}; expected node or site"


def _shared_ids(now: Topology) -> Iterator[str]:
    for name in sorted(now.nodes.keys() & now.sites.keys()):
        yield f"{name!r} is a node and a site; give one of them another id"


def _levels_without_topic(now: Topology, existing: set[str]) -> Iterator[str]:
    named = {node.level: name for name, node in sorted(now.nodes.items(), reverse=True)}
    for level, name in sorted(named.items()):
        if level and level != SITE_LEVEL:
            try:
                topic = topics.level_topic(level)
            except GridtwinError as error:
                yield f"node {name!r}: {error}"
                continue
            if topic not in existing:
                yield f"node {name!r}: level {level!r} has no topic; `gridtwin topics create --levels {level}` makes it"


def strangers(members: Iterable[Member]) -> list[str]:
    """Return the kinds without an operation state; one of them may be a slip of the pen."""
    return sorted({device.kind for member in members for device in member.devices} - KNOWN_KINDS)
