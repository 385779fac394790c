"""Many clients of streams at once: each is told every final window of its node, whoever else does not read."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.client.client import AsyncQueryClient
from app.dataset.format import Dataset
from app.demo.workers import WorkerProcess
from app.kafka.broker import LocalBroker
from tests.system.commands import until
from tests.system.deployment import Deployment
from tests.system.page_plant import a_free_port
from tests.worlds import World, device, say_everything

pytestmark = pytest.mark.broker

START_MS = 1_464_782_400_000
MINUTE_MS = 60_000
MINUTES = 20
STREETS, CLIENTS, DEAF = 10, 50, 20


class Crowd(threading.Thread):
    """Clients that follow one street each; what was told to each of them of closed windows."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.told: list[set[int]] = [set() for _ in range(CLIENTS)]

    def run(self) -> None:
        asyncio.run(self._follow_all())

    def has_all(self, expected: dict[str, set[int]]) -> bool:
        """Whether every client has been told every window of its street."""
        return all(expected[street(number)] <= told for number, told in enumerate(self.told))

    async def _follow_all(self) -> None:
        async with AsyncQueryClient(self.address) as client:
            await asyncio.gather(*(self._follow(client, number) for number in range(CLIENTS)))

    async def _follow(self, client: AsyncQueryClient, number: int) -> None:
        async for told in client.follow(nodes=[street(number)], events="window,correction"):
            if told.name in ("window", "correction") and told.data["data"]["status"] != "provisional":
                self.told[number].add(told.data["data"]["window_start_ms"])


def street(number: int) -> str:
    return f"street {number % STREETS}"


def a_world_of_streets() -> World:
    world = World(start_ms=START_MS, end_ms=START_MS + MINUTES * MINUTE_MS, window_s=60)
    world.node("region", "region")
    for number in range(STREETS):
        world.node(street(number), "feeder", "region")
        world.site(f"home {number}", street(number), load=device("load", interval_s=10))
    say_everything(world, random.Random(1), gaps=0.1)
    return world


@contextmanager
def clients_that_do_not_read(port: int) -> Iterator[None]:
    """Open streams of everything, and leave what comes where it is."""
    deaf = [socket.create_connection(("127.0.0.1", port)) for _ in range(DEAF)]
    for one in deaf:
        one.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    yield
    for one in deaf:
        one.close()


def test_every_client_is_told_every_final_window_of_its_node(module_broker: LocalBroker, tmp_path: Path) -> None:
    a_world_of_streets().write(tmp_path / "dataset")
    running, port = module_broker.running(), a_free_port()
    assert running is not None
    deployment = Deployment(tmp_path, running.address, tmp_path / "dataset")
    deployment.gridtwin("topics", "create", "--dataset", deployment.dataset)
    deployment.gridtwin("topology", "apply", deployment.dataset)
    query = WorkerProcess("query", tmp_path / "query", {**deployment.environ, "VPP_QUERY_PORT": str(port)})
    crowd = Crowd(f"http://127.0.0.1:{port}")
    try:
        with deployment.workers():
            begin(query)
            crowd.start()
            until(lambda: streams_of(crowd.address) == CLIENTS, "every stream to be open")
            deployment.gridtwin("replay", deployment.dataset, "--until", START_MS + MINUTES // 3 * MINUTE_MS)
            until(lambda: all(crowd.told), "every client to be told a final window")
            query.kill()
            deployment.gridtwin("replay", deployment.dataset, "--until", START_MS + MINUTES // 2 * MINUTE_MS)
            begin(query)
            with clients_that_do_not_read(port):
                until(lambda: streams_of(crowd.address) == CLIENTS + DEAF, "every stream to be open again")
                deployment.gridtwin("replay", deployment.dataset)
                deployment.gridtwin("verify", deployment.dataset)
                expected = windows_of(Dataset(deployment.dataset))
                until(lambda: crowd.has_all(expected), "every final window to be told")
        assert len(expected[street(0)]) == MINUTES
    finally:
        query.kill()


def begin(query: WorkerProcess) -> None:
    """Start the query worker and wait until it answers."""
    query.start()
    query.wait_ready()


def streams_of(address: str) -> int:
    """Return how many streams are open, as the worker says."""
    lines = httpx.get(f"{address}/metrics", timeout=60).text.splitlines()
    return int(float(next(line.split()[-1] for line in lines if line.startswith("gridtwin_query_streams "))))


def windows_of(dataset: Dataset) -> dict[str, set[int]]:
    """Return the windows of every node that the truth has."""
    found: dict[str, set[int]] = defaultdict(set)
    for row in dataset.truth():
        found[row.node].add(row.window_start_ms)
    return found
