"""What the routes share: the replica, its source, its streams, what is allowed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.query.asking import known_id, make_cursor, read_as_of, read_cursor
from app.query.envelopes import Page
from app.query.freshness import Freshness, Judge
from app.query.history import read_windows
from app.query.members import Member, describe, partition_of_id
from app.query.problems import ProblemError
from app.query.progress import Progress
from app.query.replica import Replica
from app.query.rows import NODE
from app.query.source import Source
from app.query.stream import Streams
from app.query.view import View
from app.settings import Settings

RETRY_S = 2
JUDGED_MS = 250
"""So long a judgement holds: it is asked for with every node of a list."""

log = logging.getLogger(__name__)


@dataclass
class Service:
    """One process of the query role."""

    settings: Settings
    replica: Replica
    streams: Streams
    source: Source
    progress: Progress = field(default_factory=Progress)
    _judge: Judge | None = None

    @property
    def view(self) -> View:
        return self.replica.view

    def require_ready(self) -> None:
        """Refuse to answer from a view that is not yet whole."""
        if not self.source.is_ready:
            raise ProblemError(503, self.source.trouble, "ask again, or another replica", retry_after_s=RETRY_S)

    def log_fault(self, path: str, error: Exception) -> None:
        """Note what should not have happened."""
        log.error("no answer to %s: %s; report it with this trace", path[:200], error, exc_info=error)

    def known(self, family: bytes, text: str) -> str:
        """Return an id that there is."""
        return known_id(self.view, family, text)

    def instant(self, as_of: str | None) -> int:
        """Return the instant that is asked for."""
        return read_as_of(self.view, as_of, self.replica.now_ms)

    @property
    def judge(self) -> Judge:
        """Return who knows how fresh each partition is."""
        now_ms = self.replica.now_ms
        held, clocks = self._judge, self.view.clocks
        if held is None or held.clocks is not clocks or abs(now_ms - held.now_ms) >= JUDGED_MS:
            held = self._judge = Judge(
                clocks, self.progress, self.view.rules, now_ms=now_ms,
                in_replay=self.settings.telemetry_timestamps == "create", view_whole_ms=self.source.caught_up_ms,
            )  # fmt: skip
        return held

    def freshness(self, family: bytes, name: str) -> Freshness:
        """Return how fresh what is shown of a node or a site is."""
        part, judge = partition_of_id(self.view, name), self.judge
        if family != NODE:
            return judge.of("twin", part)
        twins = frozenset[int]()
        if judge.stale_twins:
            at_ms = self.view.clocks.as_of_ms() or 0
            twins = self.view.membership.partitions_below(name, at_ms, self.view.rules.partitions)
        return judge.of("rollup", part, twins=twins)

    def surrounding(self, family: bytes, name: str) -> dict[str, Any]:
        """Return what an answer about a node or a site says of its age."""
        return msgspec.structs.asdict(self.freshness(family, name))

    def surrounding_all(self) -> dict[str, Any]:
        """Return what an answer about everything says of its age."""
        return {"as_of_ms": self.view.clocks.as_of_ms(), **msgspec.structs.asdict(self.judge.of_all())}

    def page(self, items: list[Any], following: str | None = None) -> Page[Any]:
        """Return a list of things of the whole view."""
        return Page(**self.surrounding_all(), items=items, next=following)

    def describe(self, family: bytes, name: str, at_ms: int, depth: int | None = None) -> Member:
        """Return what a node or a site is, and does now, and whether that is stale."""
        found = describe(self.view, family, name, at_ms, depth)
        if found.live is None or not self.judge.is_any_stale or not self.freshness(family, name).is_stale:
            return found
        return msgspec.structs.replace(found, live=msgspec.structs.replace(found.live, is_stale=True))

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
        items = [self.describe(family, name, at_ms, depth) for depth, family, name in shown]
        more = begin + limit < len(keys)
        return self.page(items, make_cursor(question, _place(shown[-1])) if more and shown else None)

    def windows(self, family: bytes, name: str, from_ms: int, to_ms: int) -> Any:
        """Yield the windows kept of a node or a site."""
        return read_windows(self.view.rows, family, name, from_ms, to_ms)


def _place(key: tuple[int | None, bytes, str]) -> str:
    depth, family, name = key
    return f"{depth or 0:06d}{family.decode()}{name}"
