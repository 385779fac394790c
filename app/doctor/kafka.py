"""The broker, and topics against their specification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from app.cli.topology_change import read_nodes
from app.doctor.report import Checked, Finding, checked, unknown
from app.errors import GridtwinError
from app.kafka.admin import admin, describe_topics, differences, topic_names
from app.settings import Settings
from app.topics import TOPOLOGY_NODE, TopicSpec, all_topics, level_topic

CHANGELOG = "-changelog"


async def check_broker(settings: Settings) -> Checked:
    """Ask the broker for anything."""
    try:
        names = await topic_names(settings.broker)
    except GridtwinError as error:
        finding = Finding(str(settings.broker), str(error),
                          "start it, or correct VPP_BROKER and the VPP_BROKER_* settings of TLS and SASL")  # fmt: skip
        return checked("broker", [finding])
    return checked("broker", [], f"answers, and has {len(names)} topics")


async def check_topics(settings: Settings) -> list[Checked]:
    """Compare every topic of ours with what it has to be."""
    existing = await topic_names(settings.broker)
    levels, nameless = await _levels(settings, existing)
    wanted = all_topics(levels, settings)
    seen = await describe_topics(settings.broker, wanted)
    unwell = list(await _leaderless(settings.broker, [spec.name for spec in wanted if spec.name in seen]))
    logs = [spec for spec in wanted if spec.name.endswith(CHANGELOG)]
    others = [spec for spec in wanted if spec not in logs]
    return [
        checked("topics", [*nameless, *_faults(others, seen), *_of(unwell, others)], f"{len(others)} are as needed"),
        checked("changelogs", [*_faults(logs, seen), *_of(unwell, logs)], f"{len(logs)} are as needed"),
    ]


def _of(findings: Iterable[Finding], specs: Iterable[TopicSpec]) -> list[Finding]:
    names = {spec.name for spec in specs}
    return [one for one in findings if one.subject in names]


async def _levels(settings: Settings, existing: set[str]) -> tuple[list[str], list[Finding]]:
    """Return the levels that nodes name, and those of them that can have no topic."""
    if TOPOLOGY_NODE not in existing:
        return [], []
    levels, findings = [], []
    for level in sorted({node.level for node in (await read_nodes(settings.broker)).values()} - {""}):
        try:
            level_topic(level)
            levels.append(level)
        except GridtwinError as error:
            findings.append(Finding(f"level {level!r}", str(error), "give its nodes another level"))
    return levels, findings


def _faults(wanted: Iterable[TopicSpec], seen: dict[str, TopicSpec]) -> Iterator[Finding]:
    for spec in wanted:
        if spec.name not in seen:
            yield Finding(spec.name, "does not exist", "make it: `gridtwin topics create --levels` and every level; if "
                          "workers had run with it, reset them first (docs/operations.md, Reset)")  # fmt: skip
            continue
        found = seen[spec.name]
        for line in differences(spec, found):
            yield Finding(spec.name, line.removeprefix(f"{spec.name}: "), _remedy(spec, found, line))


def _remedy(spec: TopicSpec, seen: TopicSpec, line: str) -> str:
    if ": partitions " in line:
        return (f"set VPP_PARTITIONS={seen.partitions} if that is what it was made with; the number is fixed for life "
                "(docs/operations.md, Repartition)")  # fmt: skip
    if ": replication factor " in line:
        return ("set VPP_REPLICATION_FACTOR to what is meant, or give it that many replicas with "
                "kafka-reassign-partitions.sh")  # fmt: skip
    name = line.removeprefix(f"{spec.name}: ").split(" ", 1)[0]
    return (f"kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics --entity-name {spec.name} "
            f"--add-config {name}=[{spec.config[name]}]")  # fmt: skip


async def _leaderless(broker: str, names: list[str]) -> Iterator[Finding]:
    async with admin(broker) as client:
        described: list[Any] = await client.describe_topics(names) if names else []
    return (
        Finding(one["topic"], f"partition {part['partition']} {what}", "bring back the brokers that hold it")
        for one in described
        for part in one["partitions"]
        if (what := _unwell(part))
    )


def _unwell(part: dict[str, Any]) -> str:
    if part["leader"] < 0:
        return "has no leader"
    missing = sorted(set(part["replicas"]) - set(part["isr"]))
    return f"is not in sync at broker {', '.join(map(str, missing))}" if missing else ""


def not_reached(why: str) -> list[Checked]:
    """Return the checks that need a broker, when there is none."""
    return [unknown(name, why) for name in ("topics", "changelogs", "clock", "workers", "partitions", "offsets",
                                             "watermark")]  # fmt: skip
