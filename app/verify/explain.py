"""The readings behind a difference: what the dataset has, what the telemetry topic has, and what was refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from app import topics
from app.dataset.format import Dataset
from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology import Topology
from app.domain.units import Milliseconds
from app.kafka.clients import read_to_end
from app.settings import Settings
from app.verify.published import Key

SHOWN_READINGS = 8
NOWHERE: tuple[str, ...] = ()


class Told(NamedTuple):
    """A reading of a site, as it is told apart."""

    site: str
    reading: str


class Behind:
    """The readings of one node's or site's window, in the dataset and in the topic."""

    def __init__(self, dataset: Dataset, key: Key) -> None:
        self.node, self.start_ms = key
        self.end_ms = self.start_ms + dataset.meta.window_s * 1000
        self.sites = _sites_of(dataset, self.node, self.start_ms)
        self.asked = Counter(told for arrival in dataset.telemetry() for told in self.told(arrival.site, arrival.value))
        self.there: dict[Told, list[str]] = {}

    def told(self, site: str, value: bytes) -> Iterator[Told]:
        """Yield the readings of a record that belong here."""
        if site in self.sites:
            for reading in _readings(value):
                at_ms = reading.get("measured_at_ms")
                if isinstance(at_ms, int | float) and self.start_ms <= at_ms < self.end_ms:
                    yield Told(site, json.dumps(reading, ensure_ascii=False, sort_keys=True))

    def lines(self) -> Iterator[str]:
        """Yield a line for each reading, those first that are not in both."""
        known = dict.fromkeys((*self.asked, *self.there))
        for told in sorted(known, key=lambda told: (told in self.asked) == (told in self.there)):
            where = ", ".join(self.there.get(told, NOWHERE)) or "not in the topic"
            yield f"{told.site}: {told.reading}: {where}{'' if told in self.asked else ', not in the dataset'}"


async def readings_behind(dataset: Dataset, settings: Settings, keys: list[Key]) -> dict[Key, list[str]]:
    """Return the readings of some windows, one line each."""
    behind = {key: Behind(dataset, key) for key in keys}
    refused = await _refused(settings)
    async for record in read_to_end(settings.broker, topics.TELEMETRY):
        site = (record.key or b"").decode(errors="replace")
        where = f"partition {record.partition} offset {record.offset}"
        reason = refused.get((record.partition, record.offset))
        for one in behind.values():
            for told in one.told(site, record.value or b""):
                one.there.setdefault(told, []).append(f"{where} refused as {reason}" if reason else where)
    return {key: list(one.lines()) for key, one in behind.items()}


async def _refused(settings: Settings) -> dict[tuple[int, int], str]:
    found = {}
    async for record in read_to_end(settings.broker, topics.REJECTED):
        headers = dict(record.headers)
        found[int(headers["vpp-partition"]), int(headers["vpp-offset"])] = headers["vpp-reason"].decode()
    return found


def _sites_of(dataset: Dataset, node: str, at_ms: int) -> set[str]:
    topology = Topology()
    for member in dataset.topology():
        record = member.record
        if isinstance(record, NodeRecord):
            topology.put_node(member.id, record)
        elif isinstance(record, SiteRecord):
            topology.put_site(member.id, record)
    if node in topology.sites:
        return {node}
    return {site for site in topology.sites if node in topology.ancestors(site, Milliseconds(at_ms))}


def _readings(value: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(bytes(value))
    except (ValueError, RecursionError):
        return []
    return [one for one in (document if isinstance(document, list) else [document]) if isinstance(one, dict)]
