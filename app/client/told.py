"""Server-sent events, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

STREAM = "/v1/stream"


class Told(NamedTuple):
    """One event of a stream."""

    name: str
    data: dict[str, Any]


class Reader:
    """Makes events of lines, and remembers the last one's id, so that a new connection goes on behind it."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._name, self._data = "", list[str]()

    @property
    def headers(self) -> dict[str, str]:
        """Return what a new connection has to say."""
        return {"Last-Event-ID": self.last_id} if self.last_id is not None else {}

    def take(self, line: str) -> Iterator[Told]:
        """Take a line, and yield the event that it ends."""
        field, _, value = line.partition(": ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id":
            self.last_id = value
        elif not line:
            if self._data:
                yield Told(self._name, msgspec.json.decode("\n".join(self._data)))
            self._name, self._data = "", []
