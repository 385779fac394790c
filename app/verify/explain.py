"""The readings behind a difference, from the telemetry topic itself."""

from __future__ import annotations

import json
from typing import Any

from app import topics
from app.dataset.format import Dataset, Member
from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology import Topology
from app.domain.units import Milliseconds
from app.kafka.clients import read_to_end
from app.settings import Settings
from app.verify.published import Key

SHOWN_READINGS = 8


async def readings_behind(dataset: Dataset, settings: Settings, key: Key) -> list[str]:
    """Return the first readings of a node's or site's window in log order, one line each."""
    node, start_ms = key
    sites = _sites_of(dataset.topology(), node, start_ms)
    found: list[str] = []
    async for record in read_to_end(settings.broker, topics.TELEMETRY):
        if (record.key or b"").decode(errors="replace") in sites and len(found) < SHOWN_READINGS:
            for reading in _readings(record.value or b""):
                if start_ms <= int(reading.get("measured_at_ms") or 0) < start_ms + dataset.meta.window_s * 1000:
                    found.append(f"partition {record.partition} offset {record.offset}: {json.dumps(reading)[:200]}")
    return found


def _sites_of(members: Any, node: str, at_ms: int) -> set[str]:
    topology = Topology()
    for member in members:
        _put(topology, member)
    if node in topology.sites:
        return {node}
    return {site for site in topology.sites if node in topology.ancestors(site, Milliseconds(at_ms))}


def _put(topology: Topology, member: Member) -> None:
    record = member.record
    if isinstance(record, NodeRecord):
        topology.put_node(member.id, record)
    elif isinstance(record, SiteRecord):
        topology.put_site(member.id, record)


def _readings(value: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return []
    return [one for one in (document if isinstance(document, list) else [document]) if isinstance(one, dict)]
