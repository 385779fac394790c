"""What the routes share: the replica, its source, its streams, what is allowed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from app.query.asking import known_id, make_cursor, read_as_of, read_cursor
from app.query.envelopes import Page
from app.query.history import read_windows
from app.query.members import Member, describe, partition_of_id
from app.query.problems import ProblemError
from app.query.replica import Replica
from app.query.rows import NODE
from app.query.source import Source
from app.query.stream import Streams
from app.query.view import View
from app.settings import Settings

RETRY_S = 2

log = logging.getLogger(__name__)


@dataclass
class Service:
    """One process of the query role."""

    settings: Settings
    replica: Replica
    streams: Streams
    source: Source

    @property
    def view(self) -> View:
        return self.replica.view

    def require_ready(self) -> None:
        """Refuse to answer from a view that is not yet whole."""
        if not self.source.is_ready:
            raise ProblemError(503, f"the view is being read, {self.source.behind_records} records behind",
                               "ask again, or another replica", retry_after_s=RETRY_S)  # fmt: skip

    def log_fault(self, path: str, error: Exception) -> None:
        """Note what should not have happened."""
        log.error("%s: %s", path[:200], error, exc_info=error)

    def known(self, family: bytes, text: str) -> str:
        """Return an id that there is."""
        return known_id(self.view, family, text)

    def instant(self, as_of: str | None) -> int:
        """Return the instant that is asked for."""
        return read_as_of(self.view, as_of, self.replica.now_ms)

    def age_s(self, family: bytes, name: str) -> float | None:
        """Return how long ago the partition of a node or a site wrote."""
        role = "rollup" if family == NODE else "twin"
        return self.view.clocks.age_s(self.replica.now_ms, role, partition_of_id(self.view, name))

    def page(self, items: list[Any], following: str | None = None) -> Page[Any]:
        """Return a list of things of the whole view."""
        clocks = self.view.clocks
        return Page(as_of_ms=clocks.as_of_ms(), age_s=clocks.age_s(self.replica.now_ms), items=items, next=following)

    def members(self, question: tuple[Any, ...], keys: list[tuple[int | None, bytes, str]], at_ms: int,
                limit: int, cursor: str | None) -> Page[Member]:  # fmt: skip
        """Return a part of a list of nodes and sites; the cursor names the last one, so a change moves nothing."""
        behind = read_cursor(question, cursor)
        begin = 0
        if behind is not None:
            begin = next((i + 1 for i, key in enumerate(keys) if _place(key) == behind), -1)
            if begin < 0:
                begin = next((i for i, key in enumerate(keys) if _place(key) > behind), len(keys))
        shown = keys[begin : begin + limit]
        items = [describe(self.view, family, name, at_ms, depth) for depth, family, name in shown]
        more = begin + limit < len(keys)
        return self.page(items, make_cursor(question, _place(shown[-1])) if more and shown else None)

    def windows(self, family: bytes, name: str, from_ms: int, to_ms: int) -> Any:
        """Yield the windows kept of a node or a site."""
        return read_windows(self.view.rows, family, name, from_ms, to_ms)


def _place(key: tuple[int | None, bytes, str]) -> str:
    depth, family, name = key
    return f"{depth or 0:06d}{family.decode()}{name}"
