"""What this user may do at Kafka, asked before anything runs: what is missing is named, instead of met half way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Bytes, Int16, Int32, Schema, String

from app.errors import GridtwinError
from app.generation import ROOT
from app.kafka.acls import Acl, acls_of
from app.kafka.admin import admin, topic_names
from app.kafka.clients import LONGEST_SILENCE_S
from app.topics import AGGREGATE_SITE

CODES = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
"""Kafka's numbers; a bit of each is set where it is allowed."""
RETRY_S = 0.2
UNSETTLED = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
LEVEL_PREFIX = f"{ROOT}.aggregate."

_Text = String("utf-8")
_PARTITION = (("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
              ("replicas", Array(Int32)), ("isr", Array(Int32)), ("offline_replicas", Array(Int32)))  # fmt: skip
_TOPIC = (("error_code", Int16), ("topic", _Text), ("is_internal", Boolean), ("partitions", Array(*_PARTITION)),
          ("operations", Int32))  # fmt: skip
_BROKER = (("node_id", Int32), ("host", _Text), ("port", Int32), ("rack", _Text))
_MEMBER = (("member_id", _Text), ("client_id", _Text), ("client_host", _Text), ("metadata", Bytes),
           ("assignment", Bytes))  # fmt: skip
_GROUP = (("error_code", Int16), ("group", _Text), ("state", _Text), ("protocol_type", _Text), ("protocol", _Text),
          ("members", Array(*_MEMBER)), ("operations", Int32))  # fmt: skip


class _TopicAnswer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("brokers", Array(*_BROKER)), ("cluster_id", _Text), ("controller_id", Int32),
        ("topics", Array(*_TOPIC)), ("operations", Int32),
    )  # fmt: skip


class _TopicQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    RESPONSE_TYPE = _TopicAnswer
    SCHEMA = Schema(
        ("topics", Array(_Text)),
        ("allow_auto_topic_creation", Boolean),
        ("of_cluster", Boolean),
        ("of_topics", Boolean),
    )


class _GroupAnswer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 15, 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("groups", Array(*_GROUP)))


class _GroupQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION = 15, 3
    RESPONSE_TYPE = _GroupAnswer
    SCHEMA = Schema(("groups", Array(_Text)), ("of_groups", Boolean))


class _OfTopics(Request[_TopicQuestion]):  # type: ignore[misc]
    """Asks what is allowed on topics: a version of the question that aiokafka does not have."""

    API_KEY = 3

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def build(self, request_struct_class: type[_TopicQuestion]) -> _TopicQuestion:
        return request_struct_class(self.names, False, False, True)


class _OfGroups(Request[_GroupQuestion]):  # type: ignore[misc]
    """The same for groups."""

    API_KEY = 15

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def build(self, request_struct_class: type[_GroupQuestion]) -> _GroupQuestion:
        return request_struct_class(self.names, True)


async def require_permissions(servers: str, role: str, user: str) -> None:
    """Refuse to start where this user may not do what a role has to; names every operation that is missing.

    *user* is how to call it in a sentence.
    """
    there = await topic_names(servers)
    needed = [acl for acl in _needed(role, there) if acl.resource == "topic"]
    groups = [acl for acl in acls_of(role, ()) if acl.resource == "group"]
    async with admin(servers) as client:
        allowed = await _on_topics(client, [acl.name for acl in needed])
        missing = list(_missing(needed, allowed))
        for group in groups:
            missing += _missing([group], {group.name: await _on_group(client, group.name)})
    if missing:
        raise GridtwinError(f"{user} may not {'; '.join(missing)}; `gridtwin topics acls` prints what the "
                            f"{role} role needs. Nothing was read")  # fmt: skip


def _needed(role: str, there: Iterable[str]) -> Sequence[Acl]:
    """A level's topic that is there has to be written."""
    levels = [name for name in there if name.startswith(LEVEL_PREFIX) and name != AGGREGATE_SITE]
    written = [Acl("topic", name, ("Write",)) for name in levels] if role == "rollup" else []
    return [*(acl for acl in acls_of(role, ()) if not acl.is_prefix), *written]


async def _on_topics(client: Any, names: list[str]) -> dict[str, int]:
    answer = await client._client.send(client._client.get_random_node(), _OfTopics(names))
    return {name: 0 if code else operations for code, name, _, _, operations in answer.topics}


async def _on_group(client: Any, name: str) -> int:
    """A new cluster makes the topic of its groups when first asked, and takes a while to settle who has which."""
    until_s = time.monotonic() + LONGEST_SILENCE_S
    while True:
        try:
            return await _ask_of_group(client, name)
        except GroupAuthorizationFailedError:
            return 0
        except UNSETTLED:
            if time.monotonic() > until_s:
                raise
        await asyncio.sleep(RETRY_S)


async def _ask_of_group(client: Any, name: str) -> int:
    node = int(await client.find_coordinator(name))
    await client._client.ready(node)
    answer = await client._client.send(node, _OfGroups([name]))
    ((code, *_, operations),) = answer.groups
    if code:
        raise for_code(code)(f"of group {name}")
    return int(operations)


def _missing(needed: Iterable[Acl], allowed: dict[str, int]) -> Iterable[str]:
    for acl in needed:
        for operation in acl.operations:
            if not allowed.get(acl.name, 0) & 1 << CODES[operation]:
                yield f"{operation} {acl.resource} {acl.name}"
