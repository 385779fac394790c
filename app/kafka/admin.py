"""Topics as they have to be against topics as they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code

from app.errors import GridtwinError
from app.kafka.clients import unavailable
from app.kafka.security import connection
from app.topics import TopicSpec

WAIT_S = 0.05
LONGEST_WAIT_S = 10.0
DECIDING = ("cleanup.policy", "message.timestamp.type")


@asynccontextmanager
async def admin(broker: str) -> AsyncIterator[Any]:
    """Give a started admin client."""
    client = AIOKafkaAdminClient(**connection(broker))
    try:
        await client.start()
        yield client
    except KafkaConnectionError as error:
        raise unavailable(broker) from error
    except KafkaError as error:
        raise GridtwinError(f"Kafka at {broker} refused: {error}") from error
    finally:
        await client.close()


async def create_topics(broker: str, wanted: Sequence[TopicSpec]) -> list[str]:
    """Make the topics that are missing and return them; if one differs, refuse with a diff and change nothing."""
    async with admin(broker) as client:
        seen = await _describe(client, wanted)
        faults = [line for spec in wanted if spec.name in seen for line in differences(spec, seen[spec.name])]
        if faults:
            raise GridtwinError("topics differ from what is needed; nothing was changed:\n  " + "\n  ".join(faults))
        missing = [spec for spec in wanted if spec.name not in seen]
        for is_rehearsal in (True, False) if missing else ():
            await _create(client, missing, is_rehearsal=is_rehearsal)
        names = [spec.name for spec in missing]
        await _until_known(client, names)
        return names


async def group_members(broker: str, group: str) -> int | None:
    """Return how many members a group has; None while it is not settled who they are."""
    async with admin(broker) as client:
        (answer,) = await client.describe_consumer_groups([group])
        (_, _, state, _, _, members, *_), *_ = answer.groups
        return len(members) if state == "Stable" else None


async def topic_names(broker: str) -> set[str]:
    """Return the names of all topics that there are."""
    async with admin(broker) as client:
        return set(await client.list_topics())


async def describe_topics(broker: str, wanted: Sequence[TopicSpec]) -> dict[str, TopicSpec]:
    """Return those of the topics that exist, as they are, with the settings that matter."""
    async with admin(broker) as client:
        return await _describe(client, wanted)


async def alter_topic(broker: str, spec: TopicSpec) -> None:
    """Give a topic these settings."""
    async with admin(broker) as client:
        answers = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name, dict(spec.config))])
        for code, why, *_ in (one for answer in answers for one in answer.resources):
            if code:
                raise GridtwinError(f"Kafka refused to alter {spec.name}: {why or for_code(code).__name__}")


async def check_topics(broker: str, wanted: Sequence[TopicSpec]) -> None:
    """Refuse to start when a topic is missing, or differs in what decides a number; its sizes are the operator's."""
    seen = await describe_topics(broker, wanted)
    faults = [f"{spec.name} does not exist" for spec in wanted if spec.name not in seen]
    faults += [line for spec in wanted if spec.name in seen for line in _decided(spec, seen[spec.name])]
    if faults:
        raise GridtwinError(
            "topics are not as these settings need them; nothing was read. Make them with `gridtwin topics create`, or "
            "set VPP_PARTITIONS and VPP_TELEMETRY_TIMESTAMPS to what they were made with:\n  " + "\n  ".join(faults)
        )


def _decided(wanted: TopicSpec, seen: TopicSpec) -> list[str]:
    config = {name: wanted.config[name] for name in DECIDING if name in wanted.config}
    return differences(msgspec.structs.replace(seen, partitions=wanted.partitions, config=config), seen)


def differences(wanted: TopicSpec, seen: TopicSpec) -> list[str]:
    """Return a line for everything in which a topic is not as it has to be."""
    lines = []
    if seen.partitions != wanted.partitions:
        lines.append(f"{wanted.name}: partitions {seen.partitions}, needed {wanted.partitions}")
    if seen.replication_factor != wanted.replication_factor:
        lines.append(f"{wanted.name}: replication factor {seen.replication_factor}, needed {wanted.replication_factor}")
    for name, value in wanted.config.items():
        if seen.config.get(name) != value:
            lines.append(f"{wanted.name}: {name} {seen.config.get(name)}, needed {value}")
    return lines


async def require_topics(broker: str, partitions: Mapping[str, int]) -> None:
    """Raise if one of these topics is missing or has another number of partitions."""
    wanted = [TopicSpec(name, number, 0, {}) for name, number in partitions.items()]
    seen = await describe_topics(broker, wanted)
    missing = [spec.name for spec in wanted if spec.name not in seen]
    if missing:
        raise GridtwinError(f"no topic {', '.join(missing)} at {broker}; make it with `gridtwin topics create`")
    for spec in wanted:
        if seen[spec.name].partitions != spec.partitions:
            raise GridtwinError(
                f"{spec.name} has {seen[spec.name].partitions} partitions, expected {spec.partitions}; set "
                f"VPP_PARTITIONS to what the topics were made with"
            )


async def _create(client: Any, missing: Sequence[TopicSpec], *, is_rehearsal: bool) -> None:
    """Make topics; a rehearsal finds out whether Kafka would, so that not only some are made."""
    new = [
        NewTopic(spec.name, spec.partitions, spec.replication_factor, topic_configs=dict(spec.config))
        for spec in missing
    ]
    answer = await client.create_topics(new, timeout_ms=30_000, validate_only=is_rehearsal)
    for name, code, *reason in answer.topic_errors:
        if code:
            why = " ".join(str(word) for word in reason if word) or for_code(code).__name__
            raise GridtwinError(f"Kafka refused to make {name}: {why}")


async def _until_known(client: Any, names: Sequence[str]) -> None:
    """Wait until the broker tells of topics that were made: a client that asks before is told that there are none."""
    until_s = time.monotonic() + LONGEST_WAIT_S
    while not set(names) <= set(await client.list_topics()) and time.monotonic() < until_s:
        await asyncio.sleep(WAIT_S)


async def _describe(client: Any, wanted: Sequence[TopicSpec]) -> dict[str, TopicSpec]:
    existing = set(await client.list_topics())
    names = [spec.name for spec in wanted if spec.name in existing]
    if not names:
        return {}
    topics = await client.describe_topics(names)
    configs = await _configs(client, names)
    return {
        one["topic"]: TopicSpec(
            one["topic"], len(one["partitions"]), len(one["partitions"][0]["replicas"]), configs[one["topic"]]
        )
        for one in topics
    }


async def _configs(client: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for answer in await client.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found
