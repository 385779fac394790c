"""What happened in the view, as a stream tells it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """One thing that happened; of two with the same key, the later says it all."""

    name: str
    key: tuple[str, ...]
    nodes: tuple[str, ...]
    """Whose streams it belongs into; empty: everybody's."""
    sites: tuple[str, ...]
    data: bytes
    recorded_ms: int = 0


def event_data(fields: dict[str, Any], value: bytes | None = None) -> bytes:
    """Return an event's JSON; a record goes in as it was published."""
    return _encode({**fields, "data": msgspec.Raw(value)} if value is not None else fields)
