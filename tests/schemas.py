"""The committed JSON Schemas, by record and by topic."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from app import topics
from app.contracts_schema import SUFFIX

DIRECTORY = Path(__file__).parents[1] / "docs" / "contracts"
_BY_TOPIC = {
    topics.TELEMETRY: "telemetry.reported",
    topics.TOPOLOGY_SITE: "topology.site",
    topics.TOPOLOGY_NODE: "topology.node",
    topics.AGGREGATE_SITE: "aggregate.site",
    topics.TWIN_UPDATED: "twin.updated",
    topics.TWIN_TRANSITIONED: "twin.transitioned",
    topics.REJECTED: "telemetry.rejected.headers",
}


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((DIRECTORY / (name + SUFFIX)).read_bytes()))


def schema_name(topic: str, key: bytes) -> str:
    """Return which schema the records of a topic have."""
    return _BY_TOPIC.get(topic) or ("aggregate.live" if key.endswith(b"|live") else "aggregate.window")


def document(topic: str, value: bytes, headers: Iterable[tuple[str, bytes]]) -> Any:
    """Return what is held against the schema: of a rejected record its headers, of others the value."""
    if topic == topics.REJECTED:
        return {name: text.decode(errors="replace") for name, text in headers}
    return json.loads(value)
