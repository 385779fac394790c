"""A TCP proxy between workers and their broker, whose weather a seed decides."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

CHUNK_BYTES = 32_768
LOST_S = (0.2, 1.0)
"""What a lost packet costs: TCP sends it again."""
POLL_S = 0.02
RESET = struct.pack("ii", 1, 0)


@dataclass
class Weather:
    """What happens to bytes on their way: up is towards the broker."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    bytes_per_s: float = 0.0
    is_up_stalled: bool = False
    is_down_stalled: bool = False
    is_refusing: bool = False

    def clear(self) -> None:
        """Let everything through at once."""
        self.__init__()  # type: ignore[misc]


class Proxy(threading.Thread):
    """Listens on a port of its own and passes everything on to a target."""

    def __init__(self, target: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.target = target
        self.weather = Weather()
        self.passed_bytes = 0
        self.faults = 0
        self._chance = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._cut = 0

    def run(self) -> None:
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()

    def end(self) -> None:
        """Pass nothing on any more."""
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join()
        self._socket.close()

    def reset(self) -> None:
        """Reset every connection, as a firewall that forgot them does."""
        self._do(self._reset_all)

    def cut(self) -> None:
        """Close every connection in the middle of the next chunk that it passes."""
        self._do(self._count_cut)

    def _do(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    async def _count_cut(self) -> None:
        self._cut += 1

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            self.faults += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.is_refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, is_up=True), self._pump(far_reader, writer, is_up=False)
            )
        except OSError:
            pass
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_up: bool) -> None:
        cut = self._cut
        while chunk := await reader.read(CHUNK_BYTES):
            await self._delay(len(chunk), is_up=is_up)
            if self._cut > cut and len(chunk) > 1:
                writer.write(chunk[: self._chance.randrange(1, len(chunk))])
                await writer.drain()
                self.faults += 1
                raise ConnectionAbortedError("cut")
            writer.write(chunk)
            await writer.drain()
            self.passed_bytes += len(chunk)
        raise ConnectionAbortedError("closed")

    async def _delay(self, size: int, *, is_up: bool) -> None:
        weather = self.weather
        wait_s = weather.latency_s + self._chance.uniform(0, weather.jitter_s)
        if self._chance.random() < weather.loss:
            wait_s += self._chance.uniform(*LOST_S)
        if weather.bytes_per_s:
            wait_s += size / weather.bytes_per_s
        if wait_s:
            await asyncio.sleep(wait_s)
        while weather.is_up_stalled if is_up else weather.is_down_stalled:
            await asyncio.sleep(POLL_S)
