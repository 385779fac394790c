"""What the view holds of nodes and of sites' windows: the live record in memory, windows on disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.domain.contracts import SITE_LEVEL
from app.query.clocks import Clocks, LevelClock
from app.query.events import Event, event_data
from app.query.rows import (
    LIVE,
    NODE,
    REPLACED,
    SITE,
    WINDOW,
    Draft,
    Held,
    after,
    dated_key,
    name_of,
    named_key,
    pack,
    replaces,
    unpack,
)

CLOSED = ("final", "corrected")


class Head(msgspec.Struct, frozen=True, gc=False):
    """What decides where an aggregate belongs."""

    node: str
    level: str
    revision: int
    as_of_ms: int | None = None
    window_start_ms: int | None = None
    window_s: int = 0
    status: str = ""


class _AllPower(msgspec.Struct, frozen=True, gc=False):
    mean_power_w: int


class _Replaced(msgspec.Struct, frozen=True, gc=False):
    revision: int
    status: str
    kinds: dict[str, _AllPower]


class Replacement(msgspec.Struct, array_like=True, frozen=True):
    """A final value that another replaced."""

    revision: int
    replaced_revision: int
    status: str
    power_w: int | None
    at_ms: int


_head = msgspec.json.Decoder(Head).decode
_replaced = msgspec.json.Decoder(_Replaced).decode


class Aggregates:
    """The newest record of every key of the level topics."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.live: dict[str, Held] = {}

    def restore(self) -> None:
        """Bring back what is in memory."""
        for key, row in self._draft.rows.scan(LIVE, after(LIVE)):
            self.live[name_of(key)] = unpack(row)

    def take(self, record: Any, clocks: Clocks) -> Iterator[Event]:
        """Take in a record of a level's topic."""
        if record.value is None:
            return
        head = _head(record.value)
        held = Held(head.revision, record.timestamp, record.value)
        clocks.levels.setdefault(head.level, LevelClock()).recorded_ms = record.timestamp
        if head.window_start_ms is None:
            clocks.stream("rollup", record.partition, head.as_of_ms or 0)
            yield from self._take_live(head, held)
        else:
            is_final = head.status in CLOSED
            clocks.note_window(head.level, head.window_start_ms, is_final=is_final)
            if is_final and head.level != SITE_LEVEL:
                clocks.close("rollup", record.partition, head.window_start_ms + head.window_s * 1000)
            yield from self._take_window(head, held)

    def _take_live(self, head: Head, held: Held) -> Iterator[Event]:
        before = self.live.get(head.node)
        if before is not None and before.revision > held.revision:
            return
        self.live[head.node] = held
        self._draft.put(named_key(LIVE, head.node), pack(held))
        data = event_data({"node": head.node, "as_of_ms": head.as_of_ms}, held.value)
        yield Event("live", ("live", head.node), (head.node,), (), data, held.recorded_ms)

    def _take_window(self, head: Head, held: Held) -> Iterator[Event]:
        start_ms = head.window_start_ms or 0
        kind = SITE if head.level == SITE_LEVEL else NODE
        key = dated_key(WINDOW, start_ms, kind, head.node, start_ms)
        is_kept, before = replaces(self._draft, key, held)
        if not is_kept:
            return
        self._draft.put(key, pack(held))
        replaced = self._replaced(head, kind, start_ms, held, before)
        if before is None or before[::2] != held[::2]:
            yield window_event(head, held, replaced)

    def _replaced(self, head: Head, kind: bytes, start_ms: int, held: Held, before: Held | None) -> int | None:
        """Keep which final value was replaced by which."""
        if before is None or before.revision == held.revision:
            return None
        old = _replaced(before.value)
        if old.status not in CLOSED:
            return None
        power_w = old.kinds["all"].mean_power_w if "all" in old.kinds else None
        row = Replacement(held.revision, old.revision, old.status, power_w, before.recorded_ms)
        self._draft.put(dated_key(REPLACED, start_ms, kind, head.node, start_ms, old.revision),
                        msgspec.msgpack.encode(row))  # fmt: skip
        return old.revision


def window_event(head: Head, held: Held, replaced: int | None) -> Event:
    """Return what a stream tells of a window; a corrected one names what it replaced."""
    is_site = head.level == SITE_LEVEL
    name = "correction" if head.status == "corrected" else "window"
    fields: dict[str, Any] = {"node": head.node, "type": "site" if is_site else "node"}
    if name == "correction":
        fields["replaced_revision"] = replaced
    key = ("window", fields["type"], head.node, str(head.window_start_ms))
    nodes, sites = ((), (head.node,)) if is_site else ((head.node,), ())
    return Event(name, key, nodes, sites, event_data(fields, held.value), held.recorded_ms)


def window_event_of(held: Held) -> Event:
    """Return the event of a window that was kept."""
    return window_event(_head(held.value), held, None)
