"""Many clients of /v1/stream in one process of their own: what each was told, and when.

`python -m benchmarks.listening` reads a `Crowd` from its standard input and writes `Heard` to its output.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterable
from typing import Any

import httptools
import msgspec
import uvloop

from app.kafka.clients import read_to_end

OPENED_WITHIN_S = 60.0
AT_ONCE = 50
STREAM = "/v1/stream"


class Crowd(msgspec.Struct):
    """Who listens: a client for each path, and some that open a stream of everything and never read it."""

    host: str
    port: int
    paths: list[str]
    deaf: int
    over_s: float


class Record(msgspec.Struct):
    """What is needed of a record that an event holds."""

    revision: int


class Told(msgspec.Struct):
    """What is needed of an event."""

    node: str
    data: Record


class Heard(msgspec.Struct):
    """How many clients were let in and stayed; node, revision and time in ms of every live value that came."""

    opened: int
    lost: int
    live: list[tuple[str, int, float]]


class Published(msgspec.Struct):
    """What is needed of a live value as it was published."""

    node: str
    revision: int


Hear = Callable[[bytes, bytes, float], None]

_told = msgspec.json.Decoder(Told).decode
_published = msgspec.json.Decoder(Published).decode


class Client(asyncio.Protocol):
    """One stream: takes bytes apart as they come."""

    def __init__(self, path: str, host: str, hear: Hear) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self._hear = hear
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""
        self._at_ms = 0.0
        self.transport: Any = None
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.is_lost = False

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note when it came."""
        self._at_ms = time.time() * 1000
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        """Take the status."""
        self.status.set_result(self._parser.get_status_code())

    def on_body(self, body: bytes) -> None:
        """Take the events that are whole now."""
        *events, self._rest = (self._rest + body).split(b"\n\n")
        for event in events:
            name, _, data = event.partition(b"event: ")[2].partition(b"\ndata: ")
            self._hear(name, data, self._at_ms)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Note that it is over."""
        self.is_lost = True
        if not self.status.done():
            self.status.set_result(0)


async def listen(crowd: Crowd) -> Heard:
    """Open every stream, then listen for so long."""
    live: list[tuple[str, int, float]] = []

    def hear(name: bytes, data: bytes, at_ms: float) -> None:
        if name == b"live":
            told = _told(data)
            live.append((told.node, told.data.revision, at_ms))

    deaf = await _open(crowd, [STREAM] * crowd.deaf, lambda *_: None)
    for client in deaf:
        client.transport.pause_reading()
    clients = await _open(crowd, crowd.paths, hear)
    live.clear()
    await asyncio.sleep(crowd.over_s)
    let_in = [client for client in clients if client.status.done() and client.status.result() == 200]
    heard = Heard(len(let_in), sum(client.is_lost for client in let_in), live)
    for client in [*clients, *deaf]:
        client.transport.abort()
    return heard


async def _open(crowd: Crowd, paths: list[str], hear: Hear) -> list[Client]:
    """Open streams, some at once: no thousand people come in the same millisecond."""
    loop, clients = asyncio.get_running_loop(), []
    for path in paths:
        clients.append(Client(path, crowd.host, hear))
        await loop.create_connection(lambda: clients[-1], crowd.host, crowd.port)
        if len(clients) % AT_ONCE == 0 or len(clients) == len(paths):
            await asyncio.wait([client.status for client in clients[-AT_ONCE:]], timeout=OPENED_WITHIN_S)
    return clients


async def listen_in_a_process(crowd: Crowd) -> Heard:
    """Listen in a process of its own: what the caller does makes no client late."""
    command = (sys.executable, "-m", "benchmarks.listening")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    out, _ = await process.communicate(msgspec.json.encode(crowd))
    return msgspec.json.decode(out, type=Heard)


async def delays_ms(broker: str, topics: Iterable[str], heard: Heard) -> list[float]:
    """Return how long after the broker had it each live value came, ascending."""
    published: dict[tuple[str, int], int] = {}
    for topic in topics:
        async for record in read_to_end(broker, topic):
            if record.value and record.key.endswith(b"|live"):
                now = _published(record.value)
                published[now.node, now.revision] = record.timestamp
    return sorted(at_ms - published[node, revision] for node, revision, at_ms in heard.live)


def main() -> None:
    """Listen as the standard input says."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = msgspec.json.decode(sys.stdin.buffer.read(), type=Crowd)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(listen(crowd))))


if __name__ == "__main__":
    main()
