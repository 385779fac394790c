"""Streams: who listens to what, what waits for whom, and how one resumes where it was cut off."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from app.query.events import Event
from app.query.problems import ProblemError

RETRY_S = 5
EVERYTHING = ("all", "")


Above = Callable[[Event], Iterable[str]]
"""The nodes above those, and above the sites, that an event is about."""


@dataclass(frozen=True)
class Interest:
    """What a stream is to tell: with nothing named, everything but twins."""

    nodes: frozenset[str] = frozenset()
    subtrees: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def wanted_keys(self) -> list[tuple[str, str]]:
        """Return the keys of the events that it wants."""
        named = [("node", one) for one in self.nodes] + [("site", one) for one in self.sites]
        return named + [("below", one) for one in self.subtrees] or [EVERYTHING]

    def wants(self, event: Event, above: Above) -> bool:
        """Whether an event belongs into the stream."""
        has_name = not self.names or event.name in self.names
        return has_name and not set(self.wanted_keys()).isdisjoint(keys_of(event, above))


def keys_of(event: Event, above: Above) -> Iterator[tuple[str, str]]:
    """Yield the keys under which an event is wanted; a twin only by who names its site."""
    yield from (("site", one) for one in event.sites)
    if event.name != "twin":
        yield EVERYTHING
        for node in event.nodes:
            yield "node", node
            yield "below", node
        yield from (("below", one) for one in above(event))


@dataclass(eq=False)
class Listener:
    """One open stream: what waits for it, the newest of each key."""

    interest: Interest
    most: int
    waiting: dict[tuple[str, ...], tuple[int, Event]] = field(default_factory=dict)
    is_overrun: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, number: int, event: Event) -> None:
        """Let an event wait; one that it makes obsolete waits no longer."""
        if self.is_overrun:
            return
        self.waiting[event.key] = number, event
        if len(self.waiting) > self.most:
            self.give_up()
        else:
            self.arrived.set()

    def give_up(self) -> None:
        """Keep nothing more: the stream ends as soon as its client reads, and is resumed from what it was told."""
        self.is_overrun = True
        self.waiting.clear()
        self.arrived.set()

    def take(self) -> list[tuple[int, Event]]:
        """Return what waits, oldest first."""
        taken, self.waiting = sorted(self.waiting.values(), key=itemgetter(0)), {}
        self.arrived.clear()
        return taken


class Streams:
    """Every open stream, by what it is interested in, and the latest events to resume from."""

    def __init__(self, above: Above, *, most: int, per_client: int, events: int) -> None:
        self.above = above
        self.most, self.per_client, self.events = most, per_client, events
        self.identity = uuid.uuid4().hex[:12]
        self.overrun = 0
        self.number = 0
        self._listeners: dict[Listener, str] = {}
        self._clients: Counter[str] = Counter()
        self._recent: deque[tuple[int, Event]] = deque(maxlen=events)
        self._by_key: dict[tuple[str, str], dict[Listener, None]] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    def tell(self, events: list[Event]) -> None:
        """Let events wait for all who want them."""
        for event in events:
            self.number += 1
            self._recent.append((self.number, event))
            if self._listeners:
                for listener in self._who_wants(event):
                    listener.offer(self.number, event)

    def _who_wants(self, event: Event) -> dict[Listener, None]:
        found: dict[Listener, None] = {}
        for key in keys_of(event, self.above):
            found.update(self._by_key.get(key, {}))
        return {one: None for one in found if not one.interest.names or event.name in one.interest.names}

    def begin_again(self) -> None:
        """End every stream, and forget what was told: the view is built again, and what is old must not be told as new.

        Who resumes is told, once it is built, what was recorded since the last event.
        """
        self.identity = uuid.uuid4().hex[:12]
        self._recent.clear()
        for listener in self._listeners:
            listener.give_up()

    def require_room(self, client: str) -> None:
        """Refuse one stream too many."""
        if len(self._listeners) >= self.most:
            raise ProblemError(503, f"{self.most} streams are open", "ask another replica, or later",
                               retry_after_s=RETRY_S)  # fmt: skip
        if self._clients[client] >= self.per_client:
            raise ProblemError(429, f"{self.per_client} streams of yours are open",
                               "close some, or name more nodes in one", retry_after_s=RETRY_S)  # fmt: skip

    def open(self, listener: Listener, client: str) -> None:
        """Take up a stream."""
        self._listeners[listener] = client
        self._clients[client] += 1
        for key in listener.interest.wanted_keys():
            self._by_key.setdefault(key, {})[listener] = None

    def close(self, listener: Listener) -> None:
        """Forget a stream."""
        client = self._listeners.pop(listener)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        for key in listener.interest.wanted_keys():
            del self._by_key[key][listener]
            if not self._by_key[key]:
                del self._by_key[key]

    def since(self, identity: str, number: int) -> Iterator[tuple[int, Event]] | None:
        """Return the events behind one, or None if they are not all kept here."""
        if identity != self.identity or number > self.number:
            return None
        if self._recent and number < self._recent[0][0] - 1:
            return None
        return (pair for pair in list(self._recent) if pair[0] > number)


def make_id(streams: Streams, number: int, caught_up_ms: int) -> str:
    """Return an event's id: exact for this process; for another, the time up to which all was told."""
    return f"{streams.identity}-{number}-{caught_up_ms}"


def read_id(text: str) -> tuple[str, int, int] | None:
    """Return what an id says, or None if it is none of ours."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 16 for part in parts[1:]):
        return None
    return parts[0], int(parts[1]), int(parts[2])
