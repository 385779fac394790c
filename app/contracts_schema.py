"""JSON Schemas of every public record, from the structs of `app.domain.contracts`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from app.domain.contracts import (
    LiveAggregate,
    NodeRecord,
    Reading,
    Reason,
    SiteRecord,
    SiteWindow,
    Transition,
    TwinUpdated,
    WindowAggregate,
)
from app.domain.telemetry import BOUNDS, MAX_READINGS
from app.domain.topology_faults import KIND, LONGEST_INTERVAL_S

Schema = dict[str, Any]
SUFFIX = ".schema.json"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


class RejectedHeaders(msgspec.Struct, frozen=True, rename=lambda name: f"vpp-{name}"):
    """The headers of telemetry.rejected, each as text; the value is the original one, byte for byte."""

    reason: Reason
    detail: str
    topic: str
    partition: str
    offset: str
    items: str
    key: str


class Public(NamedTuple):
    """A public record: the name of its schema, its struct, and whether others write it for us to read."""

    name: str
    struct: type[msgspec.Struct]
    is_input: bool = False


RECORDS = (
    Public("telemetry.reported", Reading, is_input=True),
    Public("topology.site", SiteRecord, is_input=True),
    Public("topology.node", NodeRecord, is_input=True),
    Public("aggregate.window", WindowAggregate),
    Public("aggregate.live", LiveAggregate),
    Public("aggregate.site", SiteWindow),
    Public("twin.updated", TwinUpdated),
    Public("twin.transitioned", Transition),
    Public("telemetry.rejected.headers", RejectedHeaders),
)

_INTEGER = r"^(0|[1-9][0-9]*)$"
_LIMITS: dict[str, dict[str, Schema]] = {
    "Reading": {
        "device": {"minLength": 1},
        **{name: {"type": "number", "minimum": low, "maximum": high} for name, (low, high) in BOUNDS.items()},
    },
    "DeviceRecord": {
        "device": {"minLength": 1},
        "kind": {"pattern": f"^{KIND.pattern}$"},
        "rated_power_w": {"minimum": 0},
        "reporting_interval_s": {"minimum": 1, "maximum": LONGEST_INTERVAL_S},
    },
    "RejectedHeaders": {
        "vpp-detail": {"maxLength": 1000},
        "vpp-partition": {"pattern": _INTEGER},
        "vpp-offset": {"pattern": _INTEGER},
        "vpp-items": {"pattern": r"^([0-9]+(,[0-9]+)*)?$"},
    },
}
"""What the types do not say. A number of telemetry may be a decimal: it is rounded half to even."""


def schemas() -> Iterator[tuple[str, Schema]]:
    """Yield the file name and the schema of every public record."""
    for record in RECORDS:
        yield record.name + SUFFIX, schema_of(record)


def schema_of(record: Public) -> Schema:
    """Return the schema of one record."""
    (root,), definitions = msgspec.json.schema_components([record.struct], ref_template="#/$defs/{name}")
    for name, definition in definitions.items():
        _refine(definition, _LIMITS.get(name, {}), is_input=record.is_input)
    if record.struct is Reading:
        root = {"oneOf": [root, {"type": "array", "minItems": 1, "maxItems": MAX_READINGS, "items": root}]}
    return {"$schema": DRAFT, "title": record.name, **root, "$defs": definitions}


def _refine(definition: Schema, limits: dict[str, Schema], *, is_input: bool) -> None:
    definition["description"] = inspect.cleandoc(definition.get("description", ""))
    if not definition["description"]:
        del definition["description"]
    properties: dict[str, Schema] = definition.get("properties", {})
    for name, limit in limits.items():
        _number_of(properties[name]).update(limit)
    if not is_input:
        fixed = {name for name, one in properties.items() if _is_fixed(one)}
        definition["required"] = [
            name for name in properties if name in fixed or name in definition.get("required", [])
        ]


def _number_of(one: Schema) -> Schema:
    """Return where a limit belongs: beside the type that is not null."""
    options: list[Schema] = one.get("anyOf", [one])
    return options[0]


def _is_fixed(one: Schema) -> bool:
    """Whether a field is published with one value, like `schema`, and so never left out; says so in its schema."""
    if one.get("default") is None:
        return False
    one["const"] = one.pop("default")
    return True
