"""`make bench-query`: what one query worker answers, how fast, while twin and rollup workers take in telemetry.

    .venv/bin/python benchmarks/query.py --sites 449 --sites 50000

Answers are timed from when a question was due. Everything runs on one machine, the one that asks included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import socket
import tempfile
import time
from pathlib import Path

import httpx
import msgspec
import uvloop

from app.demo.workers import WorkerProcess
from app.domain.contracts import (
    DeviceRecord,
    Edge,
    NodeRecord,
    RatedPower,
    SiteCount,
    SiteRecord,
    WindowAggregate,
    WindowKind,
)
from app.domain.units import Milliseconds, Offset, Seconds, Watts
from app.kafka.admin import create_topics
from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, Message, partition_of
from app.kafka.topology_writer import write_topology
from app.settings import Settings
from app.topics import TELEMETRY, all_topics, level_topic
from benchmarks.asking import ask
from benchmarks.figures import percentile
from benchmarks.listening import Crowd, delays_ms, listen_in_a_process
from benchmarks.processes import cpu_s, peak_bytes

FEEDERS, INTERVAL_S, OVER_S, WINDOW_S = 1000, 15, 5.0, 900
DAY_WINDOWS = 96
ROLES = ("twin", "rollup", "query")
STREAMS, DEAF = 1000, 100
STREAMING_S = 15.0
QUESTIONS = (("live", 1000.0, "/v1/nodes/top/live", 16), ("day of windows", 50.0, "/v1/nodes/top/windows", 4),
             ("1,000 children", 5.0, "/v1/nodes/top/children?limit=1000", 2))  # fmt: skip


class Bench:
    """One fleet of a size, its workers, and who asks."""

    def __init__(self, directory: Path, sites: int) -> None:
        self.directory, self.sites = directory, [f"site {number}" for number in range(sites)]
        self.broker = LocalBroker(directory / "broker")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environ = {
            "VPP_BROKER": self.broker.start(), "VPP_QUERY_PORT": str(self.port), "VPP_WINDOW_S": str(WINDOW_S),
            "VPP_QUERY_STREAMS": str(STREAMS), "VPP_QUERY_STREAMS_PER_CLIENT": str(STREAMS),  # all of one address
        }  # fmt: skip
        self.settings = Settings.load(self.environ)
        self.workers = {role: WorkerProcess(role, directory / "state", self.environ) for role in ROLES}

    async def run(self) -> None:
        """Ask everything and print what came of it."""
        await create_topics(self.settings.broker, all_topics(["top", "feeder"], self.settings))
        async with BatchPublisher(self.settings.broker) as publisher:
            await write_topology(publisher, self._topology(), self.settings.partitions)
            await self._remember_a_day(publisher)
            for worker in self.workers.values():
                worker.start()
            for worker in self.workers.values():
                worker.wait_ready()
            speaking = asyncio.create_task(self._speak(publisher))
            await asyncio.sleep(2 * INTERVAL_S)
            await self._idle("nobody asks")
            for name, per_s, path, connections in QUESTIONS:
                await self._ask(name, path, per_s, connections)
            for deaf in (0, DEAF):
                await self._listen(deaf)
            speaking.cancel()
        print(f"  query worker: at most {peak_bytes(self.workers['query'].pid) / 2**20:.0f} MB resident", flush=True)

    def end(self) -> None:
        """End everything that was started."""
        for worker in self.workers.values():
            worker.kill()
        self.broker.stop()

    def _topology(self) -> list[tuple[str, bool, NodeRecord | SiteRecord | None]]:
        nodes: list[tuple[str, bool, NodeRecord | SiteRecord | None]] = [("top", True, NodeRecord("top", "grid"))]
        nodes += [(f"feeder {n}", True, NodeRecord("feeder", "grid", (Edge("top"),))) for n in range(FEEDERS)]
        return nodes + [
            (name, False, SiteRecord((Edge(f"feeder {number % FEEDERS}"),),
                                     (DeviceRecord(f"{name}/load", "load", Watts(5000), Seconds(INTERVAL_S)),)))
            for number, name in enumerate(self.sites)
        ]  # fmt: skip

    async def _remember_a_day(self, publisher: BatchPublisher) -> None:
        """Write the windows of a day, as a rollup worker would have."""
        first_ms = int(time.time()) // WINDOW_S * WINDOW_S * 1000 - DAY_WINDOWS * WINDOW_S * 1000
        windows = [_empty_window(Milliseconds(first_ms + one * WINDOW_S * 1000)) for one in range(DAY_WINDOWS)]
        messages: list[Message] = [
            (f"top|{one.window_start_ms}".encode(), msgspec.json.encode(one), (), None) for one in windows
        ]
        await publisher.publish(level_topic("top"), partition_of(b"top", self.settings.partitions), messages)

    async def _speak(self, publisher: BatchPublisher) -> None:
        """Let every site report once in an interval, a second's share at a time."""
        second = 0
        while True:
            began_s = time.time()
            homes: dict[int, list[Message]] = {}
            for number, name in enumerate(self.sites[second % INTERVAL_S :: INTERVAL_S]):
                value = {
                    "device": f"{name}/load",
                    "measured_at_ms": int(began_s * 1000),
                    "active_power_w": (number + second) % 999,  # what stays the same is not published again
                }
                home = partition_of(name.encode(), self.settings.partitions)
                homes.setdefault(home, []).append((name.encode(), json.dumps(value).encode(), (), None))
            for home, messages in homes.items():
                await publisher.publish(TELEMETRY, home, messages)
            second += 1
            await asyncio.sleep(max(0.0, 1 - (time.time() - began_s)))

    async def _idle(self, what: str) -> None:
        before = self._used()
        await asyncio.sleep(OVER_S)
        print(f"  {what}: {self._since(before)}; {await self._waiting()}", flush=True)

    async def _ask(self, name: str, path: str, per_s: float, connections: int) -> None:
        for rate in (per_s, None):
            before = self._used()
            found = await ask("127.0.0.1", self.port, path, per_s=rate, over_s=OVER_S, connections=connections)
            pace = f"{rate:.0f}/s asked" if rate else "as fast as it can"
            print(f"  {name}, {pace}: {found.per_s:.0f}/s, p50 {found.at(0.5):.2f} ms, p99 "
                  f"{found.at(0.99):.2f} ms, {found.bytes_each} bytes, {found.failures} failures; "
                  f"{self._since(before)}", flush=True)  # fmt: skip

    async def _listen(self, deaf: int) -> None:
        """Let a thousand clients follow a feeder each, and the top."""
        paths = [f"/v1/stream?events=live&nodes=top&nodes=feeder%20{n % FEEDERS}" for n in range(STREAMS - deaf)]
        before = self._used()
        heard = await listen_in_a_process(Crowd("127.0.0.1", self.port, paths, deaf, STREAMING_S))
        used, waiting = self._since(before), await self._waiting()
        found = await delays_ms(self.settings.broker, map(level_topic, ("top", "feeder")), heard)
        at_ms = {name: percentile(found, share) for name, share in (("p50", 0.5), ("p99", 0.99), ("at most", 1))}
        print(f"  {heard.opened} of {len(paths)} streams and {deaf} that are not read: {heard.lost} lost, "
              f"{len(found) / STREAMING_S:.0f} live values/s, from Kafka to the client "
              f"{', '.join(f'{name} {one:.0f} ms' for name, one in at_ms.items())}; {used}; {waiting}",
              flush=True)  # fmt: skip

    async def _waiting(self) -> str:
        """Say how many records wait for each worker: that of the readings of the last second is no backlog."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=60) as client:
            told = (await client.get("/v1/status")).json()["data"]
        lag = {role: sum(one[role]["lag_records"] or 0 for one in told["partitions"]) for role in ("twin", "rollup")}
        return f"waiting: twin {lag['twin']}, rollup {lag['rollup']}, query {told['behind_records']}"

    def _used(self) -> tuple[float, dict[str, float]]:
        return time.time(), {role: cpu_s(worker.pid) for role, worker in self.workers.items()}

    def _since(self, before: tuple[float, dict[str, float]]) -> str:
        now_s, used = self._used()
        shares = {role: (used[role] - before[1][role]) / (now_s - before[0]) for role in used}
        return "cores " + ", ".join(f"{role} {share:.2f}" for role, share in shares.items())


def _empty_window(start_ms: Milliseconds) -> WindowAggregate:
    zero = WindowKind(*(0,) * 9)  # type: ignore[arg-type]
    return WindowAggregate(
        node="top", level="top", hierarchy="grid", window_start_ms=start_ms, window_s=Seconds(WINDOW_S),
        revision=Offset(0), status="final", state="complete", waiting_for=(), sites=SiteCount(0, 0),
        kinds=dict.fromkeys(("all", "load", "pv", "battery"), zero), rated_power_w=RatedPower(Watts(0), Watts(0)),
        oldest_measured_at_ms=None, newest_measured_at_ms=None,
    )  # fmt: skip


def main() -> None:
    """Run the sizes that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, action="append")
    for sites in parser.parse_args().sites or [449, 50_000]:
        print(f"{sites} sites, {sites / INTERVAL_S:.0f} readings/s", flush=True)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of leaders that are not yet chosen
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(Path(directory), sites)
            try:
                uvloop.run(bench.run())
            finally:
                bench.end()


if __name__ == "__main__":
    main()
