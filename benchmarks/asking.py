"""Asks one question again and again over open connections, at a rate or as fast as answers come."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

EVERY_S = 0.001
"""Questions that are due wait for the next look at what is due, and that counts: it has to be short."""


class Asked(NamedTuple):
    """What came of it: seconds of each answer, counted from when its question was due."""

    seconds: list[float]
    over_s: float
    failures: int
    bytes_each: int

    @property
    def per_s(self) -> float:
        return len(self.seconds) / self.over_s

    def at(self, share: float) -> float:
        """Return the time within which a share of the answers came, in ms."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def ask(host: str, port: int, path: str, *, per_s: float | None, over_s: float, connections: int) -> Asked:
    """Ask for so long; with *per_s* None, every connection asks again as soon as it has its answer."""
    due: asyncio.Queue[float | None] = asyncio.Queue()
    seconds: list[float] = []
    sizes: list[int] = []
    until_s = time.perf_counter() + over_s
    asking = [
        asyncio.create_task(
            _connection(host, port, path, due, seconds, sizes, paced=per_s is not None, until_s=until_s)
        )
        for _ in range(connections)
    ]
    began_s = time.perf_counter()
    if per_s is not None:
        await _pace(due, per_s, over_s)
        for _ in asking:
            due.put_nowait(None)
    failures = sum(await asyncio.gather(*asking))
    return Asked(seconds, time.perf_counter() - began_s, failures, max(sizes, default=0))


async def _pace(due: asyncio.Queue[float | None], per_s: float, over_s: float) -> None:
    began_s, put = time.perf_counter(), 0
    while (now_s := time.perf_counter() - began_s) < over_s:
        while put < now_s * per_s:
            due.put_nowait(began_s + put / per_s)
            put += 1
        await asyncio.sleep(EVERY_S)


async def _connection(host: str, port: int, path: str, due: asyncio.Queue[float | None], seconds: list[float],
                      sizes: list[int], *, paced: bool, until_s: float) -> int:  # fmt: skip
    reader, writer = await asyncio.open_connection(host, port)
    question, failures = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), 0
    try:
        while True:
            begin_s = await due.get() if paced else time.perf_counter()
            if begin_s is None or begin_s > until_s:
                return failures
            writer.write(question)
            status, size = await _answer(reader)
            seconds.append(time.perf_counter() - begin_s)
            sizes.append(size)
            failures += status != 200
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12]), length
