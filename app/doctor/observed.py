"""Workers as Kafka shows them: two looks at what they remembered, some seconds apart, and the logs beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka.errors import GroupCoordinatorNotAvailableError

from app import topics
from app.doctor.rows import bounds, last_rows
from app.domain import rollup_records, rollup_slots, site_records, site_rows
from app.domain.rows import version_of
from app.generation import ROOT
from app.kafka.admin import admin
from app.kafka.clients import read_to_end
from app.settings import Settings

SOURCES = {
    "twin": (topics.TELEMETRY, topics.TWIN_CHANGELOG),
    "rollup": (topics.CONTRIBUTED, topics.NODE_CHANGELOG),
}
PATIENCE_S = 20.0
Now = Callable[[], float]


class Role(NamedTuple):
    """A role: its source's bounds, what its partitions had folded at both looks, and its group."""

    name: str
    source: str
    begins: dict[int, int]
    ends: dict[int, int]
    """At the first look: what comes later need not be folded yet."""
    last_ends: dict[int, int]
    """After all else was read: nothing can be known of what lies beyond."""
    folded_before: dict[int, int]
    folded: dict[int, int]
    committed: dict[int, int]
    members: int


class Arrived(NamedTuple):
    """A record that the broker stamped between two looks, by our clock."""

    stamped_ms: int
    before_ms: int
    after_ms: int


class Observed(NamedTuple):
    """Everything that was seen of the workers."""

    roles: dict[str, Role]
    twins: dict[int, site_records.PartitionRow]
    rollups: dict[int, rollup_records.PartitionRow]
    arrived: Arrived | None
    now_ms: int
    watched_s: float


async def observe(settings: Settings, *, watch_s: float, now: Now = time.time) -> Observed:
    """Look twice."""
    broker = settings.broker
    logs = {role: await bounds(broker, source) for role, (source, _) in SOURCES.items()}
    before = {role: await last_rows(broker, changelog) for role, (_, changelog) in SOURCES.items()}
    began_ms = round(now() * 1000)
    await asyncio.sleep(watch_s)
    arrived = await _arrived(settings, logs, began_ms, now)
    after = {role: await last_rows(broker, changelog) for role, (_, changelog) in SOURCES.items()}
    roles = {}
    for role, (source, _) in SOURCES.items():
        members, committed = await _group(broker, f"{ROOT}-{role}", source)
        _, last_ends = await bounds(broker, source)
        roles[role] = Role(role, source, *logs[role], last_ends, _folded(before[role]), _folded(after[role]), committed,
                           members)  # fmt: skip
    return Observed(
        roles,
        {partition: site_rows.decode_partition(row) for partition, row in after["twin"].items()},
        {partition: rollup_slots.decode_partition(row) for partition, row in after["rollup"].items()},
        arrived,
        round(now() * 1000),
        watch_s,
    )


def _folded(rows: dict[int, bytes]) -> dict[int, int]:
    return {partition: int(version_of(row)) for partition, row in rows.items()}


async def _arrived(
    settings: Settings, logs: dict[str, tuple[dict[int, int], dict[int, int]]], began_ms: int, now: Now
) -> Arrived | None:
    """Return the newest record of the meantime; in a replay telemetry is not stamped by the broker."""
    stamped = ["rollup"] if settings.telemetry_timestamps == "create" else ["twin", "rollup"]
    newest: int | None = None
    for role in stamped:
        source: Any = read_to_end(settings.broker, SOURCES[role][0], None, logs[role][1])
        async for record in source:
            newest = max(record.timestamp, newest or 0)
    return None if newest is None else Arrived(newest, began_ms, round(now() * 1000))


async def _group(broker: str, name: str, source: str) -> tuple[int, dict[int, int]]:
    """Return how many members a group has, and what it committed."""
    async with admin(broker) as client:
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                (answer,) = await client.describe_consumer_groups([name])
                offsets = await client.list_consumer_group_offsets(name)
                break
            except GroupCoordinatorNotAvailableError:
                if time.monotonic() > until_s:
                    raise
                await asyncio.sleep(0.2)
        (_, _, _, _, _, members, *_), *_ = answer.groups
    committed = {tp.partition: one.offset for tp, one in offsets.items() if tp.topic == source and one.offset >= 0}
    return len(members), committed
