"""What each role may do at Kafka, and nothing more: the list that `gridtwin topics acls` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app import topics
from app.generation import ROOT

EVERY = "vpp"
"""What the names of all our topics begin with."""
EVERY_AGGREGATE = f"{ROOT}.aggregate."
READ, WRITE, CREATE, DESCRIBE, CONFIGS = "Read", "Write", "Create", "Describe", "DescribeConfigs"


class Acl(NamedTuple):
    """Operations that are allowed on a topic or a group, or on all whose names begin so."""

    resource: str
    name: str
    operations: tuple[str, ...]
    is_prefix: bool = False


def _topics(names: Iterable[str], *operations: str) -> list[Acl]:
    return [Acl("topic", name, operations) for name in names]


_LOOK = Acl("topic", EVERY, (DESCRIBE, CONFIGS), is_prefix=True)
"""Workers check at their start that topics are what the settings say."""


def acls_of(role: str, levels: Sequence[str]) -> list[Acl]:
    """Return what a role needs; only the rollup role writes the topics of levels."""
    return _ROLES[role](levels)


def _twin(_: Sequence[str]) -> list[Acl]:
    written = (
        topics.CONTRIBUTED,
        topics.AGGREGATE_SITE,
        topics.TWIN_UPDATED,
        topics.TWIN_TRANSITIONED,
        topics.REJECTED,
    )
    return [
        *_topics([topics.TELEMETRY], READ, WRITE),  # it writes ticks
        *_topics([topics.TOPOLOGY_SITE, topics.TOPOLOGY_NODE], READ),
        *_topics(written, WRITE),
        *_topics([topics.TWIN_CHANGELOG, topics.WINDOW_CHANGELOG], READ, WRITE),
        _LOOK,
        Acl("group", f"{ROOT}-twin", (READ,)),
    ]


def _rollup(levels: Sequence[str]) -> list[Acl]:
    return [
        *_topics([topics.CONTRIBUTED], READ),
        *_topics(map(topics.level_topic, levels), WRITE),
        *_topics([topics.NODE_CHANGELOG], READ, WRITE),
        _LOOK,
        Acl("group", f"{ROOT}-rollup", (READ,)),
    ]


def _query(_: Sequence[str]) -> list[Acl]:
    read = (topics.TOPOLOGY_NODE, topics.TOPOLOGY_SITE, topics.TWIN_UPDATED, topics.TWIN_TRANSITIONED,
            topics.TWIN_CHANGELOG, topics.REJECTED)  # fmt: skip
    return [
        *_topics(read, READ),
        Acl("topic", EVERY_AGGREGATE, (READ,), is_prefix=True),
        _LOOK,
        *(Acl("group", f"{ROOT}-{role}", (DESCRIBE,)) for role in ("twin", "rollup")),
    ]


def _operator(_: Sequence[str]) -> list[Acl]:
    return [
        Acl("topic", EVERY, (READ, CREATE, DESCRIBE, CONFIGS), is_prefix=True),
        *_topics([topics.TOPOLOGY_SITE, topics.TOPOLOGY_NODE], WRITE),
        *_topics([topics.TELEMETRY, topics.REPLAYED], WRITE),  # to replay what was rejected
        *(Acl("group", f"{ROOT}-{role}", (DESCRIBE,)) for role in ("twin", "rollup")),
    ]


def _gateway(_: Sequence[str]) -> list[Acl]:
    return _topics([topics.TELEMETRY], WRITE)


_ROLES = {"twin": _twin, "rollup": _rollup, "query": _query, "operator": _operator, "gateway": _gateway}
ROLES = tuple(_ROLES)


def command(acl: Acl, principal: str, servers: str) -> str:
    """Return the command that grants it, of Kafka's own tool."""
    words = ["kafka-acls.sh", "--bootstrap-server", servers, "--command-config", "admin.properties", "--add",
             "--allow-principal", principal, f"--{acl.resource}", acl.name]  # fmt: skip
    words += [word for operation in acl.operations for word in ("--operation", operation)]
    return shlex.join(words + (["--resource-pattern-type", "prefixed"] if acl.is_prefix else []))
