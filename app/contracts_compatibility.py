"""Which change of a schema would break somebody who reads, or writes, by the schema of before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from app.contracts_schema import RECORDS, SUFFIX, Public, Schema, schema_of
from app.errors import GridtwinError

WORDS_ONLY = frozenset({"title", "description", "default", "$schema"})
REMEDY = (
    "Add fields that may be absent instead. If it has to break: make a new record with `schema` 2 on a topic that ends "
    "in .v2, publish both until nobody reads the first, then delete the first with its schema (docs/contracts.md)."
)


class Field(NamedTuple):
    """A field somewhere in a record: what it may hold, and whether it is always there."""

    shape: str
    is_required: bool


def breaks(old: Schema, new: Schema, *, is_input: bool = False) -> list[str]:
    """Return every change that is not compatible, one sentence each.

    A field may be added if it may be absent. An input may also stop to ask for a field; a published record may not
    stop to hold one.
    """
    before, after = dict(fields(old)), dict(fields(new))
    return sorted(
        [f"{path or 'the record'} is gone" for path in before.keys() - after.keys()]
        + [f"{path} is new and required" for path in after.keys() - before.keys() if after[path].is_required]
        + [
            line
            for path in before.keys() & after.keys()
            for line in _changes(path, before[path], after[path], is_input)
        ]
    )


def _changes(path: str, old: Field, new: Field, is_input: bool) -> Iterator[str]:
    if old.shape != new.shape:
        yield f"{path or 'the record'} was {old.shape}, is {new.shape}"
    if new.is_required and not old.is_required:
        yield f"{path} was optional, is required"
    if old.is_required and not new.is_required and not is_input:
        yield f"{path} was always there, may be absent"


def fields(schema: Schema) -> Iterator[tuple[str, Field]]:
    """Yield the path and meaning of every field; `*` stands for any key, `[]` for an item."""
    return _walk(schema, schema.get("$defs", {}), "", is_required=True)


def _walk(one: Schema, definitions: Schema, path: str, *, is_required: bool) -> Iterator[tuple[str, Field]]:
    if "$ref" in one:
        one = {**definitions[one["$ref"].rsplit("/", 1)[1]], **{key: one[key] for key in one if key != "$ref"}}
    required = one.get("required", [])
    children = [(f"{path}.{name}".lstrip("."), child, name in required) for name, child in _properties(one).items()]
    children += [(path + mark, child, False) for mark, child in _parts(one)]
    yield path, Field(_shape(one), is_required)
    for where, child, is_always in children:
        yield from _walk(child, definitions, where, is_required=is_always)


def _properties(one: Schema) -> Schema:
    found: Schema = one.get("properties", {})
    return found


def _parts(one: Schema) -> Iterator[tuple[str, Schema]]:
    for word, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(one.get(word), dict):
            yield mark, one[word]
    for word in ("anyOf", "oneOf"):
        yield from ((f"({number})", option) for number, option in enumerate(one.get(word, [])))


def _shape(one: Schema) -> str:
    """Everything that is said of the values themselves, in one comparable line."""
    parts = {"properties", "required", "items", "additionalProperties", "anyOf", "oneOf", "$defs", "$ref"}
    told = {key: value for key, value in sorted(one.items()) if key not in parts | WORDS_ONLY}
    return msgspec.json.encode(told).decode()


def write_schemas(directory: Path) -> list[str]:
    """Write every schema and return the names; refuse, and change nothing, if one there would be broken."""
    found = {record.name + SUFFIX: _breaks_of(record, directory / (record.name + SUFFIX)) for record in RECORDS}
    lines = [f"{name}: {line}" for name, faults in found.items() for line in faults]
    if lines:
        raise GridtwinError("readers of these contracts would break; nothing was written:\n  "
                            + "\n  ".join(lines) + f"\n{REMEDY}")  # fmt: skip
    directory.mkdir(parents=True, exist_ok=True)
    for record in RECORDS:
        (directory / (record.name + SUFFIX)).write_bytes(as_file(schema_of(record)))
    return list(found)


def _breaks_of(record: Public, file: Path) -> list[str]:
    if not file.exists():
        return []
    held: Any = msgspec.json.decode(file.read_bytes())
    return breaks(held, schema_of(record), is_input=record.is_input)


def as_file(schema: Schema) -> bytes:
    """Return a schema as it lies on disk."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
