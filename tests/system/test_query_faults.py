"""Questions while everything else fails: no wrong number, no refusal without a reason, and the truth at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.demo.workers import WorkerProcess
from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher
from app.query.freshness import WORKER_BEHIND
from app.topics import TELEMETRY
from tests.system.commands import until
from tests.system.plant import MINUTE_MS, Plant, small_dataset
from tests.system.query_session import Session
from tests.system.test_query import Listening, a_free_port

pytestmark = pytest.mark.broker


class Hall:
    """A plant with a query worker that is asked and listened to from the beginning."""

    def __init__(self, plant: Plant, broker: LocalBroker) -> None:
        self.plant = plant
        running = broker.running()
        assert running is not None
        broker.port = int(running.address.rpartition(":")[2])
        self.broker = broker
        self.port = a_free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        plant.environ["VPP_QUERY_PORT"] = self.port
        members = list(plant.dataset.topology())
        self.nodes = sorted(one.id for one in members if one.type == "node")[:4]
        self.session = Session(self.address, self.nodes, plant.dataset.truth())
        self.listening = Listening(self.address)

    @property
    def query(self) -> WorkerProcess:
        return self.plant.worker("query")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path, timeout=30)

    def status(self) -> dict[str, Any]:
        return dict(self.get("/v1/status").json())

    def is_alive(self) -> bool:
        try:
            return self.get("/healthz").is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def hall(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    directory = tmp_path_factory.mktemp("hall")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset"), session_timeout_s=6)
    plant.make_topics()
    yield Hall(plant, module_broker)
    plant.end()


def test_a_worker_without_kafka_says_why_it_cannot_answer_and_goes_on_when_it_can(hall: Hall) -> None:
    hall.broker.stop()
    hall.query.start()
    until(hall.is_alive, "the worker to answer")
    refused = [hall.get(path) for path in ("/v1/nodes", "/readyz", "/v1/stream")]
    hall.broker.start()
    hall.query.wait_ready()

    assert [one.status_code for one in refused] == [503, 503, 503]
    assert all("Kafka" in one.text for one in refused)
    assert hall.get("/readyz").status_code == 200


def test_numbers_stay_true_while_every_role_is_killed_and_kafka_stops(hall: Hall) -> None:
    plant = hall.plant
    plant.start("twin", "rollup")
    hall.session.start()
    hall.listening.start()
    plant.replay(3)
    until(lambda: hall.session.answers, "a first answer")
    with plant.replaying(3):
        plant.worker("twin").kill()
        plant.start("twin-2")
        plant.start("twin")
        plant.kill_and_start("rollup", wipe=False)
        plant.kill_and_start("query", wipe=True)
    hall.broker.stop()
    hall.broker.start()
    for worker in plant.workers.values():
        start_again_if_it_ended(worker)
    plant.replay()
    plant.assert_exact()
    until(lambda: hall.get("/readyz").is_success, "the view to be whole")
    truth = {(row.node, row.window_start_ms) for row in plant.dataset.truth()}
    until(lambda: truth <= hall.listening.closed_windows(), "every final window to be told")
    until(lambda: hall.session.exact == hall.session.truth.keys(), "every number to be told as it is")
    hall.session.end()

    assert hall.session.faults == []
    assert hall.session.exact


def start_again_if_it_ended(worker: WorkerProcess) -> None:
    """Do what an orchestrator does to a worker that ended with its broker."""
    if worker.exit_code is not None:
        worker.start()
        worker.wait_ready()


def test_a_dead_worker_makes_its_numbers_stale_and_its_return_makes_them_fresh(hall: Hall) -> None:
    for name in ("twin", "twin-2"):
        hall.plant.worker(name).kill()
    speak(hall.plant)
    until(lambda: hall.status()["stale_reason"] == WORKER_BEHIND, "the numbers to be stale")
    node = hall.get(f"/v1/nodes/{quote(hall.nodes[0], safe='')}").json()
    hall.plant.start("twin")
    until(lambda: not hall.status()["data"]["partitions"][0]["twin"]["lag_records"], "the worker to have read all")
    speak(hall.plant)
    until(lambda: not hall.status()["is_stale"], "the numbers to be fresh")

    assert (node["is_stale"], node["stale_reason"]) == (True, WORKER_BEHIND)


def speak(plant: Plant) -> None:
    """Write a tick into every partition, as a replay that goes on would."""

    async def write() -> None:
        async with BatchPublisher(plant.settings.broker) as publisher:
            for part in range(plant.settings.partitions):
                await publisher.publish(TELEMETRY, part, [(b"", b"", (), plant.at_ms + MINUTE_MS)])

    asyncio.run(write())
