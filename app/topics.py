"""Every topic, in the order in which data flows, with its partitions, retention and clock. None is made elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from app.domain.contracts import SITE_LEVEL
from app.errors import GridtwinError
from app.generation import ROOT
from app.settings import Settings

TELEMETRY = f"{ROOT}.telemetry.reported.v1"
TOPOLOGY_SITE = f"{ROOT}.topology.site.v1"
TOPOLOGY_NODE = f"{ROOT}.topology.node.v1"
CONTRIBUTED = f"{ROOT}.rollup.contributed.v1"
AGGREGATE_SITE = f"{ROOT}.aggregate.site.v1"
TWIN_UPDATED = f"{ROOT}.twin.updated.v1"
TWIN_TRANSITIONED = f"{ROOT}.twin.transitioned.v1"
REJECTED = f"{ROOT}.telemetry.rejected.v1"
REPLAYED = f"{ROOT}.telemetry.replayed.v1"
TWIN_CHANGELOG = f"{ROOT}-twin-site-twin-changelog"
WINDOW_CHANGELOG = f"{ROOT}-twin-site-window-changelog"
NODE_CHANGELOG = f"{ROOT}-rollup-node-slots-changelog"

DAY_MS = 86_400_000
MB = 1 << 20
MAX_NAME = 249
COMPACTION_LAG_MS = 120_000
"""Longer than session and delivery timeout: a stale writer's record must not outlive the newer one before it."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]")


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as it has to be."""

    name: str
    partitions: int
    replication_factor: int
    config: dict[str, str]


def level_topic(level: str) -> str:
    """Return the topic of a level; characters that Kafka does not take are written as .xHH per UTF-8 byte."""
    if level == SITE_LEVEL or not level:
        raise GridtwinError(f"{level!r} is not a level that a node may have: it is reserved; choose another word")
    word = "".join(one if _PLAIN.match(one) else "".join(f".x{byte:02x}" for byte in one.encode()) for one in level)
    name = f"{ROOT}.aggregate.{word}.v1"
    if len(name) > MAX_NAME:
        raise GridtwinError(f"level {level!r} makes a topic name of {len(name)} characters; Kafka takes {MAX_NAME}")
    return name


def all_topics(levels: Iterable[str], settings: Settings) -> list[TopicSpec]:
    """Return every topic of a deployment, internal changelogs included."""
    horizon_ms = settings.horizon_s * 1000
    append, create = {"message.timestamp.type": "LogAppendTime"}, {"message.timestamp.type": "CreateTime"}
    in_replay = settings.telemetry_timestamps == "create"
    telemetry = {**create, **_delete(-1), **_open_ended()} if in_replay else {**append, **_delete(7 * DAY_MS)}
    compacted = {**append, "cleanup.policy": "compact", **_size(MB)}
    aggregate = {
        **append, **_delete(35 * DAY_MS), "cleanup.policy": "compact,delete", **_size(MB),
        "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
    }  # fmt: skip
    changelog = {
        **create, **_open_ended(), "cleanup.policy": "compact", **_size(MB),
        "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
        "max.compaction.lag.ms": "1800000", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1",
    }  # fmt: skip
    windows = {**changelog, **_delete(horizon_ms + 3 * DAY_MS), "cleanup.policy": "compact,delete"}
    topics = [
        (TELEMETRY, None, {**telemetry, **_size(4 * MB)}),
        (TOPOLOGY_SITE, None, compacted),
        (TOPOLOGY_NODE, 1, compacted),
        (CONTRIBUTED, None, {**append, **_delete(3 * DAY_MS), **_size(MB)}),
        *[(level_topic(level), None, aggregate) for level in levels],
        (AGGREGATE_SITE, None, {**append, **_delete(7 * DAY_MS), **_size(MB)}),
        (TWIN_UPDATED, None, compacted),
        (TWIN_TRANSITIONED, None, {**append, **_delete(35 * DAY_MS), **_size(MB)}),
        (REJECTED, None, {**append, **_delete(35 * DAY_MS), **_size(5 * MB)}),
        (REPLAYED, None, {**append, **_delete(35 * DAY_MS), **_size(MB)}),
        (TWIN_CHANGELOG, None, changelog),
        (WINDOW_CHANGELOG, None, windows),
        (NODE_CHANGELOG, None, changelog),
    ]
    return [
        TopicSpec(name, partitions or settings.partitions, settings.replication_factor, config)
        for name, partitions, config in topics
    ]


def _delete(retention_ms: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(retention_ms)}


def _open_ended() -> dict[str, str]:
    """A replay's timestamps are years off the broker's clock, a worker's may be hours; Kafka refuses an hour ahead."""
    return {"message.timestamp.before.max.ms": str(2**63 - 1), "message.timestamp.after.max.ms": str(2**63 - 1)}


def _size(limit: int) -> dict[str, str]:
    """A batch's own bytes come on top of the largest message."""
    return {"max.message.bytes": str(limit + 4096)}
