"""Small worlds that read aloud: a log, rows on a disk, readings, a topology."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from app.domain.contracts import (
    Contribution,
    DeviceRecord,
    Edge,
    LiveTotals,
    NodeRecord,
    SiteRecord,
    Watermark,
    WindowTotals,
)
from app.domain.rules import Rules
from app.domain.sayings import SiteSayings
from app.domain.twin import SitePartition
from app.domain.units import Milliseconds, Seconds, WattHours, Watts

NOON_MS = 1_464_782_400_000
"""2016-06-01 12:00 UTC, the start of a window of any length up to an hour."""


class Message(NamedTuple):
    """A record as a machine sees it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Disk:
    """Rows in memory: a reader, and what a flush writes."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.tables.get(table, {}).get(key)

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        rows = self.tables.get(table, {})
        yield from [(key, rows[key]) for key in sorted(rows) if start <= key < end]

    def write(self, stages: Sequence[tuple[str, Sequence[tuple[bytes, bytes | None]]]]) -> None:
        for table, rows in stages:
            held = self.tables.setdefault(table, {})
            for key, value in rows:
                if value is None:
                    held.pop(key, None)
                else:
                    held[key] = value


class Log:
    """One partition of telemetry, as it grows."""

    def __init__(self) -> None:
        self.records: list[Message] = []

    def put(self, key: bytes, value: bytes, at_ms: int) -> None:
        self.records.append(Message(len(self.records), at_ms, key, value))

    def tick(self, at_ms: int) -> None:
        self.put(b"", b"", at_ms)

    def say(
        self, site: str, device: str, at_ms: int, power_w: float, *, arrived_ms: int | None = None, **more: int
    ) -> None:
        value = {"device": device, "measured_at_ms": at_ms, "active_power_w": power_w, **more}
        self.put(site.encode(), json.dumps(value).encode(), at_ms if arrived_ms is None else arrived_ms)


def a_device(
    name: str, *, kind: str = "load", interval_s: int = 60, rated_w: int = 10_000, **more: int
) -> DeviceRecord:
    return DeviceRecord(
        device=name,
        kind=kind,
        rated_power_w=Watts(rated_w),
        reporting_interval_s=Seconds(interval_s),
        usable_capacity_wh=WattHours(more["capacity_wh"]) if "capacity_wh" in more else None,
        valid_from_ms=Milliseconds(more.get("from_ms", 0)),
        valid_to_ms=Milliseconds(more["to_ms"]) if "to_ms" in more else None,
    )


def a_site(*parents: str | Edge, devices: Sequence[DeviceRecord]) -> SiteRecord:
    edges = tuple(Edge(one) if isinstance(one, str) else one for one in parents)
    return SiteRecord(parents=edges, devices=tuple(devices))


def a_node(level: str, *parents: str, hierarchy: str = "grid") -> NodeRecord:
    return NodeRecord(level=level, hierarchy=hierarchy, parents=tuple(Edge(one) for one in parents))


def some_rules(**changes: int) -> Rules:
    given = {"partitions": 1, "window_ms": 900_000, "attended_gap_ms": 3_600_000, **changes}
    return Rules(**given)  # type: ignore[arg-type]


def a_partition(rules: Rules, disk: Disk, topology: dict[str, NodeRecord | SiteRecord]) -> SitePartition:
    machine = SitePartition(0, rules, lambda _: 0, disk)
    learn(machine, topology)
    return machine


def learn(machine: SitePartition, topology: dict[str, NodeRecord | SiteRecord], offset: int = 0) -> None:
    for name, record in topology.items():
        if isinstance(record, NodeRecord):
            machine.learn_node(name, record, offset)
        else:
            machine.learn_site(name, record, offset)


def flush(machine: SitePartition, disk: Disk) -> None:
    disk.write(machine.announce())
    disk.write(machine.remember())
    machine.remembered()


class Heard:
    """What a partition of sites said, decoded."""

    def __init__(self, said: SiteSayings) -> None:
        self.contributions = [msgspec.msgpack.decode(one, type=Contribution) for _, one in said.contributions]
        self.watermark = msgspec.msgpack.decode(said.watermark, type=Watermark) if said.watermark else None
        self.site_windows = {key.decode(): json.loads(value) for _, key, value in said.site_windows}
        self.twins = {site: json.loads(value) for site, value in said.twins}
        self.transitions = [json.loads(value) for _, value in said.transitions]
        self.rejections = said.rejections

    def windows(self, node: str) -> dict[int, WindowTotals]:
        return {
            int(one.window_start_ms): one.window
            for one in self.contributions
            if one.node == node and one.window_start_ms is not None and one.window is not None
        }

    def live(self, node: str) -> LiveTotals | None:
        return next((one.live for one in self.contributions if one.node == node and one.live is not None), None)

    def steps(self, machine: str = "connectivity") -> list[tuple[str, str, int]]:
        steps = [one for one in self.transitions if one["machine"] == machine]
        return [(one["before"], one["after"], one["at_ms"]) for one in steps]


def hear(machine: SitePartition, log: Log, *, behind: bool = False, twins: bool = False) -> Heard:
    """Fold what the log holds and is new, and say it."""
    machine.apply(log.records, settled=True)
    return Heard(machine.say(behind=behind, twins=twins))


def the_village() -> dict[str, NodeRecord | SiteRecord]:
    """Two feeders below a substation; sites a and b on the first, c on the second; one load each, every minute."""
    return {
        "substation": a_node("substation"),
        "feeder-1": a_node("feeder", "substation"),
        "feeder-2": a_node("feeder", "substation"),
        "a": a_site("feeder-1", devices=[a_device("load-a")]),
        "b": a_site("feeder-1", devices=[a_device("load-b")]),
        "c": a_site("feeder-2", devices=[a_device("load-c")]),
    }


def a_village(disk: Disk | None = None, **rules: int) -> SitePartition:
    return a_partition(some_rules(**rules), Disk() if disk is None else disk, the_village())
