"""/v1/stream: server-sent events, resumed where they were cut off, newest first under load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from app.query.asking import one_of
from app.query.events import Event
from app.query.refusals import PROBLEMS
from app.query.resume import live_events, missed_events
from app.query.rows import NODE, SITE
from app.query.service import Service
from app.query.store import DamagedError
from app.query.stream import Interest, Listener, make_id, read_id

EVENTS = ("live", "window", "correction", "transition", "twin", "topology", "rejection")
HEARTBEAT_S = 5.0
GATHER_S = 0.05
RETRY = b"retry: 2000\n\n"
CHUNK = 200
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Words = Annotated[str | None, QueryParameter(description=f"Some of {', '.join(EVENTS)}, separated by commas.")]
LastId = Annotated[str | None, HeaderParameter(name="Last-Event-ID", required=False)]
Names = Annotated[list[str] | None, QueryParameter(description="Repeat it for more.")]


@get("/stream", responses=PROBLEMS, media_type="text/event-stream")
async def stream(
    request: Request[Any, Any, State], state: State, nodes: Names = None, subtrees: Names = None, sites: Names = None,
    events: Words = None, last_event_id: LastId = None,
) -> Stream:  # fmt: skip
    """Follow nodes, everything below nodes, sites; or all there is, if none is named."""
    service: Service = state.service
    service.require_ready()
    words = [word for word in (events or "").split(",") if word]
    for word in words:
        one_of(word, "events", EVENTS)
    interest = Interest(
        _known(service, NODE, nodes), _known(service, NODE, subtrees), _known(service, SITE, sites), frozenset(words)
    )
    client = request.client.host if request.client else ""
    service.streams.require_room(client)
    return Stream(_told(service, interest, client, last_event_id), media_type="text/event-stream", headers=HEADERS)


def _known(service: Service, family: bytes, names: Iterable[str] | None) -> frozenset[str]:
    return frozenset(service.known(family, quote(name, safe="")) for name in names or ())


def _first(service: Service, interest: Interest, last: str | None) -> Iterator[Event]:
    """Return what is told before anything new: what was missed, or the live values."""
    seen = read_id(last) if last else None
    if seen is None:
        return live_events(service.view, interest)
    identity, number, told_ms = seen
    kept = service.streams.since(identity, number)
    if kept is not None:
        newest = {event.key: event for _, event in kept if interest.wants(event, service.streams.above)}
        return iter(newest.values())
    return _both(missed_events(service.view, interest, told_ms), live_events(service.view, interest))


def _both(*parts: Iterator[Event]) -> Iterator[Event]:
    for part in parts:
        yield from part


async def _told(service: Service, interest: Interest, client: str, last: str | None) -> AsyncIterator[bytes]:
    """Take up the stream only here: one that nobody reads is never begun, and so never forgotten."""
    streams, listener = service.streams, Listener(interest, service.streams.events)
    streams.open(listener, client)
    try:
        first = _first(service, interest, last)
        yield RETRY + _heartbeat(service)
        async for chunk in _chunks(first):
            yield chunk
        beat_s = time.monotonic() + HEARTBEAT_S
        while not listener.is_overrun:
            if told := listener.take():
                yield _told_lines(service, told)
            await _wait(listener, beat_s - time.monotonic())
            if time.monotonic() >= beat_s:
                beat_s = time.monotonic() + HEARTBEAT_S
                yield _heartbeat(service)
        streams.overrun += 1
        yield b": too far behind; resume\n\n"
    except DamagedError as error:
        service.source.note_damage(error)
    finally:
        streams.close(listener)


async def _chunks(events: Iterator[Event]) -> AsyncIterator[bytes]:
    """Give the loop to others between chunks; what is told first has no id: cut off here, all of it comes again."""
    chunk: list[bytes] = []
    for event in events:
        chunk.append(_lines(event))
        if len(chunk) == CHUNK:
            yield b"".join(chunk)
            chunk.clear()
            await asyncio.sleep(0)
    yield b"".join(chunk)


def _told_lines(service: Service, told: list[tuple[int, Event]]) -> bytes:
    """Only the last of them has an id: cut off among them, all of them come again."""
    number, last = told[-1]
    identity = make_id(service.streams, number, service.source.caught_up_ms)
    return b"".join(_lines(event) for _, event in told[:-1]) + _lines(last, identity)


async def _wait(listener: Listener, seconds: float) -> None:
    """Wait for something to tell, a little longer for what comes with it, or for the next heartbeat."""
    try:
        await asyncio.wait_for(listener.arrived.wait(), max(seconds, 0))
    except TimeoutError:
        return
    await asyncio.sleep(GATHER_S)


def _heartbeat(service: Service) -> bytes:
    body = {"now_ms": service.replica.now_ms, **service.surrounding_all(),
            "behind_records": service.source.behind_records, "is_ready": service.source.is_ready}  # fmt: skip
    return _lines(Event("heartbeat", (), (), (), msgspec.json.encode(body)))


def _lines(event: Event, identity: str | None = None) -> bytes:
    head = f"id: {identity}\n".encode() if identity is not None else b""
    data = event.data.replace(b"\n", b" ").replace(b"\r", b" ")
    return head + b"event: " + event.name.encode() + b"\ndata: " + data + b"\n\n"
