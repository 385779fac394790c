"""Topics as they have to be against topics as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, for_code

from app.errors import GridtwinError
from app.kafka.clients import unavailable
from app.topics import TopicSpec


@asynccontextmanager
async def admin(broker: str) -> AsyncIterator[Any]:
    """Give a started admin client."""
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    try:
        await client.start()
        yield client
    except KafkaConnectionError as error:
        raise unavailable(broker, error) from error
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
        if missing:
            await _create(client, missing)
        return [spec.name for spec in missing]


async def describe_topics(broker: str, wanted: Sequence[TopicSpec]) -> dict[str, TopicSpec]:
    """Return those of the topics that exist, as they are, with the settings that matter."""
    async with admin(broker) as client:
        return await _describe(client, wanted)


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


async def _create(client: Any, missing: Sequence[TopicSpec]) -> None:
    new = [
        NewTopic(spec.name, spec.partitions, spec.replication_factor, topic_configs=dict(spec.config))
        for spec in missing
    ]
    answer = await client.create_topics(new, timeout_ms=30_000)
    for name, code, *reason in answer.topic_errors:
        if code:
            raise GridtwinError(f"Kafka refused to make {name}: {for_code(code).__name__} {' '.join(map(str, reason))}")


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
