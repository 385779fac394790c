"""The query role on a real broker: its numbers are the truth, whatever is killed, whoever is asked."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from app.client import QueryClient
from app.client.told import Reader, Told
from app.dataset.format import Dataset
from app.dataset.truth import TruthRow
from app.demo.workers import WorkerProcess
from app.kafka.broker import LocalBroker
from tests.system.commands import run, until
from tests.system.deployment import Deployment
from tests.worlds import World, device, edge, say_everything

pytestmark = pytest.mark.broker

NOON_MS = 1_464_782_400_000
MINUTE_MS = 60_000
STREET = "straße/1 <script>?#%2F&"
PATIENCE_S = 90.0
FIELDS = TruthRow._fields[3:]


class Query(WorkerProcess):
    """A worker of the query role, asked over HTTP."""

    def get(self, path: str, **parameters: Any) -> Any:
        answer = httpx.get(f"{self.metrics()['address']}{path}", params=parameters, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def windows(self, kind: str, name: str) -> dict[int, dict[str, Any]]:
        """Return the windows of a node or a site by start."""
        span = {"from": NOON_MS - 60 * MINUTE_MS, "to": NOON_MS + 120 * MINUTE_MS}
        return {one["start_ms"]: one for one in self.get(f"/v1/{kind}/{quote(name, safe='')}/windows", **span)["items"]}


def a_small_world() -> World:
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 10 * MINUTE_MS, window_s=60)
    world.node(STREET, "feeder", "område")
    world.node("område", "region")
    world.node("group:|live", "group", hierarchy="group")
    for number in range(4):
        world.site(f"home {number}/ü", STREET, *(["group:|live"] if number % 2 else []),
                   load=device("load", interval_s=30),
                   battery=device("battery", interval_s=60, capacity_wh=5000))  # fmt: skip
    world.site("home 4", edge("område"), pv=device("pv", interval_s=20))
    say_everything(world, random.Random(1), gaps=0.1)
    return world


class Listening(threading.Thread):
    """Follows everything, for as long as it takes, and keeps what it was told."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.is_over = False
        self.told: list[Told] = []

    def run(self) -> None:
        with QueryClient(self.address) as client:
            for told in client.follow():
                self.told.append(told)
                if self.is_over:
                    return

    def closed_windows(self) -> set[tuple[str, int]]:
        records = [one.data["data"] for one in self.told if one.name in ("window", "correction")]
        return {(one["node"], one["window_start_ms"]) for one in records if one["status"] != "provisional"}


class Plant(NamedTuple):
    deployment: Deployment
    query: Query
    listening: Listening


def a_free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a small world, computed while a query worker was killed; then twin and rollup workers are down."""
    directory = tmp_path_factory.mktemp("query")
    a_small_world().write(directory / "dataset")
    running = module_broker.running()
    assert running is not None
    deployment = Deployment(directory, running.address, directory / "dataset")
    deployment.gridtwin("topics", "create", "--dataset", deployment.dataset)
    port = a_free_port()
    worker = Query("query", directory / "one", {**deployment.environ, "VPP_QUERY_PORT": port})
    listening = Listening(f"http://127.0.0.1:{port}")
    with deployment.workers():
        worker.start()
        worker.wait_ready()
        listening.start()
        deployment.gridtwin("replay", deployment.dataset)
        worker.kill()
        worker.start()
        deployment.gridtwin("verify", deployment.dataset)
    worker.wait_ready()
    until(lambda: worker.get("/v1/status")["data"]["behind_records"] == 0, "the view to be at the end")
    yield Plant(deployment, worker, listening)
    worker.kill()


def test_every_number_is_the_truth_with_the_other_workers_down(plant: Plant) -> None:
    dataset = Dataset(plant.deployment.dataset)

    assert rows_equal(plant.query, dataset) == dataset.meta.truth_rows


def test_a_stream_tells_every_final_window_though_the_worker_is_killed(plant: Plant) -> None:
    expected = {(row.node, row.window_start_ms) for row in Dataset(plant.deployment.dataset).truth()}
    until(lambda: expected <= plant.listening.closed_windows(), "every final window to be told")
    plant.listening.is_over = True

    assert expected <= plant.listening.closed_windows()


PATHS = ["/v1/nodes", "/v1/sites", "/v1/hierarchies", "/v1/levels", "/v1/kinds", "/v1/rejections", "/v1/transitions",
         f"/v1/nodes/{quote(STREET, safe='')}", f"/v1/nodes/{quote(STREET, safe='')}/children",
         f"/v1/nodes/{quote(STREET, safe='')}/windows", f"/v1/nodes/{quote(STREET, safe='')}/live",
         f"/v1/nodes/{quote(STREET, safe='')}/explain", "/v1/nodes/omr%C3%A5de/descendants",
         "/v1/nodes/omr%C3%A5de/flexibility", "/v1/sites/home%200%2F%C3%BC",
         "/v1/sites/home%200%2F%C3%BC/transitions"]  # fmt: skip


AGES = ("age_s", "is_stale", "stale_reason")


def answers(query: Query) -> dict[str, Any]:
    """Return what every route says, without its age."""
    return {path: ageless(query.get(path)) for path in PATHS}


def ageless(found: Any) -> Any:
    """Leave out how old it is at this moment, and whether that is too old."""
    if isinstance(found, list):
        return [ageless(one) for one in found]
    if isinstance(found, dict):
        return {key: ageless(value) for key, value in found.items() if key not in AGES}
    return found


def test_a_killed_worker_comes_back_warm_with_the_same_answers(plant: Plant) -> None:
    before = answers(plant.query)
    plant.query.kill()
    plant.query.log.write_text("")
    plant.query.start()
    plant.query.wait_ready()

    assert answers(plant.query) == before
    assert "topics, 0 records behind" in plant.query.log.read_text()


def test_two_replicas_agree(plant: Plant) -> None:
    other = Query("query", plant.deployment.directory / "two", {**plant.deployment.environ, "VPP_QUERY_PORT": "0"})
    other.start()
    other.wait_ready()
    found = answers(other)
    code = other.stop()

    assert found == answers(plant.query)
    assert code == 0


def test_another_replica_resumes_a_stream_from_what_it_kept(plant: Plant) -> None:
    expected = {row.window_start_ms for row in Dataset(plant.deployment.dataset).truth() if row.node == STREET}
    found = set()
    with httpx.stream("GET", f"{plant.query.metrics()['address']}/v1/stream", params={"nodes": STREET},
                      headers={"Last-Event-ID": "another-1-1"}, timeout=PATIENCE_S) as response:  # fmt: skip
        reader = Reader()
        for told in (told for line in response.iter_lines() for told in reader.take(line)):
            if told.name in ("window", "correction"):
                found.add(told.data["data"]["window_start_ms"])
            if found >= expected:
                break

    assert found >= expected


def test_a_window_is_the_sum_of_its_children(plant: Plant) -> None:
    path = f"/v1/nodes/{quote(STREET, safe='')}/explain"
    found = plant.query.get(path, window_start_ms=NOON_MS + MINUTE_MS)["data"]

    assert (found["difference_w"], len(found["children"])) == (0, 4)
    assert found["power_w"] == sum(child["power_w"] or 0 for child in found["children"])


def test_every_answer_says_how_old_it_is(plant: Plant) -> None:
    for path in PATHS:
        found = plant.query.get(path)

        assert found["age_s"] > 0, path
        assert found["as_of_ms"] > NOON_MS, path


def test_the_example_draws_every_window_of_the_day(plant: Plant) -> None:
    file = plant.deployment.directory / "day.svg"
    run({}, "examples/plot_day.py", STREET, str(file), plant.query.metrics()["address"])
    drawn = file.read_text()

    assert drawn.count('class="power"') == len(plant.query.windows("nodes", STREET)) > 0
    assert "<script>" not in drawn


def test_the_commands_show_the_same(plant: Plant) -> None:
    url = ("--url", plant.query.metrics()["address"])
    shown = plant.deployment.gridtwin("show", STREET, *url)
    site = plant.deployment.gridtwin("show", "home 0/ü", *url)
    tree = plant.deployment.gridtwin("tree", "--sites", *url)
    line = plant.deployment.gridtwin("watch", STREET, "--once", *url)
    missing = plant.deployment.gridtwin("show", "straße", *url, code=1)

    assert "0 nodes and 4 sites directly below" in shown
    assert "home 0/ü/battery" in site
    assert [name in tree for name in (STREET, "home 3/ü", "group:|live")] == [True] * 3
    assert STREET in line
    assert f"near it: {STREET}" in missing


def rows_equal(query: Query, dataset: Dataset) -> int:
    """Compare every truth row with the API's number; return how many there were."""
    nodes = {one["id"] for one in query.get("/v1/nodes", limit=1000)["items"]}
    held: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    count = 0
    for row in dataset.truth():
        kind = "nodes" if row.node in nodes else "sites"
        if (kind, row.node) not in held:
            held[kind, row.node] = query.windows(kind, row.node)
        window = held[kind, row.node][row.window_start_ms]
        assert window["status"] in ("final", "corrected")
        found = window["kinds"][row.kind]
        assert {field: found[field] for field in FIELDS} == {field: getattr(row, field) for field in FIELDS}
        count += 1
    return count
