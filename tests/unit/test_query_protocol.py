"""What ends a connection before an answer is begun."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from app.query import protocol
from app.query.protocol import MOST_HEADER_BYTES, MOST_HEADERS, MOST_URL_BYTES, LimitedProtocol
from app.query.shell import Receive, Send

DEADLINE_S = 60


async def echo(scope: dict[str, object], receive: Receive, send: Send) -> None:
    """Answer with the path as it was sent."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(scope["raw_path"])})  # type: ignore[call-overload]


class Endless:
    """Sends without end, until the connection has gone."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def __call__(self, scope: dict[str, object], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.gone.is_set():
            await send({"type": "http.response.body", "body": bytes(MOST_URL_BYTES), "more_body": True})
            if send.__self__.disconnected:  # type: ignore[attr-defined]
                self.gone.set()


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[int]:
    """Serve an application at a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(
            uvicorn.Config(application, http=LimitedProtocol, ws="none", lifespan="off", log_config=None)
        )
        task = asyncio.create_task(server.serve([listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await task


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(echo) as found:
        yield found


async def told(port: int, request: bytes) -> bytes:
    """Send what a request is, and return all that comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
    writer.close()
    return answer


def a_request(path: str = "/", *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]).encode()


async def test_what_is_within_the_bounds_is_answered(port: int) -> None:
    answer = await told(port, a_request("/" + "a" * 1000, *(f"x-{i}: {i}" for i in range(20))))

    assert answer.startswith(b"HTTP/1.1 200")


async def test_the_path_comes_as_it_was_sent(port: int) -> None:
    assert b"/a%2Fb/../%00" in await told(port, a_request("/a%2Fb/../%00"))


@pytest.mark.parametrize(
    ("request_", "status"),
    [(a_request("/" + "a" * MOST_URL_BYTES), b"414"), (a_request("/?" + "a" * 100_000), b"414"),
     (a_request("/", *(f"x-{i}: {i}" for i in range(MOST_HEADERS))), b"431"),
     (a_request("/", "x: " + "a" * MOST_HEADER_BYTES), b"431"), (b"nonsense\r\n\r\n", b"400")],
    ids=["long path", "long query", "many headers", "long header", "nonsense"],
)  # fmt: skip
async def test_what_is_beyond_the_bounds_ends_the_connection(port: int, request_: bytes, status: bytes) -> None:
    assert (await told(port, request_)).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("begin", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_who_takes_too_long_is_cut_off(port: int, begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN_S", 0.1)

    assert (await told(port, begin)).startswith(b"HTTP/1.1 408")


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READS_WITHIN_S", 0.1)
    endless = Endless()
    async with serving(endless) as port:
        _, deaf = await asyncio.open_connection("127.0.0.1", port)
        deaf.transport.pause_reading()  # type: ignore[attr-defined]
        deaf.write(a_request())

        await asyncio.wait_for(endless.gone.wait(), DEADLINE_S)
        deaf.close()


class Buffer:
    """A transport in which so much waits, each time that it is looked at."""

    def __init__(self, *waiting_bytes: int) -> None:
        self.waiting_bytes = list(waiting_bytes)
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes.pop(0)

    def abort(self) -> None:
        self.aborted.set()


async def test_who_reads_slowly_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "READS_WITHIN_S", 0.01)
    watched = LimitedProtocol(uvicorn.Config(echo, log_config=None), ServerState(), {})
    watched.transport = buffer = Buffer(100, 20, 20, 10, 10, 10)  # type: ignore[assignment]
    watched.flow = FlowControl(watched.transport)
    watched.pause_writing()
    await asyncio.wait_for(buffer.aborted.wait(), DEADLINE_S)

    assert buffer.waiting_bytes == []
