"""Everything that a run left behind: logs, what was published, what was refused, changelogs and disks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import rocksdict

from app import topics
from app.kafka.clients import partition_of, read_to_end
from tests.faults.truth import Topology

OWN_KEYS = b"\x01"
OFFSET_KEY = b"\x00offset"
TABLES = {
    "site-twin": ("twin", topics.TWIN_CHANGELOG),
    "site-window": ("twin", topics.WINDOW_CHANGELOG),
    "node-slots": ("rollup", topics.NODE_CHANGELOG),
}


class Published(NamedTuple):
    """A record of a topic, decoded."""

    partition: int
    key: bytes
    value: dict[str, Any]
    at_ms: int


class Refused(NamedTuple):
    """A record of telemetry.rejected; no items: all of the original."""

    reason: str
    items: tuple[int, ...]
    value: bytes | None


class Disk(NamedTuple):
    """The rows of one partition of one table on a disk, and the changelog offset that they include."""

    offset: int
    rows: dict[bytes, bytes]


@dataclass
class Evidence:
    """What the checkers look at. All of it is plain, so that a test can spoil it on purpose."""

    rules: dict[str, int]
    topology: Topology
    log: dict[int, list[Any]]
    levels: list[Published] = field(default_factory=list)
    sites: list[Published] = field(default_factory=list)
    twins: list[Published] = field(default_factory=list)
    refused: dict[tuple[int, int], list[Refused]] = field(default_factory=dict)
    predicted: dict[tuple[int, int], str] = field(default_factory=dict)
    """Why bad records that were sent on purpose have to be refused, by partition and offset."""
    changelogs: dict[tuple[str, int], list[tuple[bytes, bytes | None]]] = field(default_factory=dict)
    disks: dict[tuple[str, int], list[Disk]] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    recovered_s: list[float] = field(default_factory=list)
    lag: int = 0

    def home(self, key: bytes) -> int:
        return partition_of(key, len(self.log))

    def sites_of(self, partition: int) -> list[str]:
        return [site for site in self.topology["sites"] if self.home(site.encode()) == partition]


async def read_topics(broker: str, levels: Iterable[str], evidence: Evidence) -> None:
    """Read what there is in Kafka."""
    for level in levels:
        evidence.levels += [one async for one in _published(broker, topics.level_topic(level))]
    evidence.sites = [one async for one in _published(broker, topics.AGGREGATE_SITE)]
    evidence.twins = [one async for one in _published(broker, topics.TWIN_UPDATED)]
    refused: dict[tuple[int, int], list[Refused]] = defaultdict(list)
    async for record in read_to_end(broker, topics.REJECTED):
        headers = dict(record.headers)
        where = int(headers["vpp-partition"]), int(headers["vpp-offset"])
        items = tuple(map(int, filter(None, headers["vpp-items"].decode().split(","))))
        refused[where].append(Refused(headers["vpp-reason"].decode(), items, record.value))
    evidence.refused = dict(refused)
    for table, (_, topic) in TABLES.items():
        async for record in read_to_end(broker, topic):
            evidence.changelogs.setdefault((table, record.partition), []).append((record.key, record.value))


async def read_log(broker: str, partitions: int) -> dict[int, list[Any]]:
    """Return telemetry by partition, in order."""
    log: dict[int, list[Any]] = {partition: [] for partition in range(partitions)}
    async for record in read_to_end(broker, topics.TELEMETRY):
        log[record.partition].append(record)
    return log


async def _published(broker: str, topic: str) -> Any:
    async for record in read_to_end(broker, topic):
        if record.value is not None:
            yield Published(record.partition, record.key, json.loads(record.value), record.timestamp)


def read_disks(directories: Mapping[str, Path], partitions: int) -> dict[tuple[str, int], list[Disk]]:
    """Return every store below the state directories of stopped workers, by their names."""
    found: dict[tuple[str, int], list[Disk]] = defaultdict(list)
    for name, directory in directories.items():
        for table, (role, _) in TABLES.items():
            for partition in range(partitions):
                path = directory / f"{table}-{partition}.db"
                if name.partition("-")[0] == role and path.is_dir():
                    found[table, partition].append(_read_disk(path))
    return dict(found)


def _read_disk(path: Path) -> Disk:
    store = rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))
    try:
        rows = {}
        cursor = store.iter(rocksdict.ReadOptions())
        cursor.seek(OWN_KEYS)
        while cursor.valid():
            rows[bytes(cursor.key())] = bytes(cursor.value())
            cursor.next()
        cursor.status()
        return Disk(int(store.get(OFFSET_KEY) or -1), rows)
    finally:
        store.close()
