"""SIGTERM: flush, commit, leave, exit 0; what was acknowledged is never read again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.kafka.broker import LocalBroker
from tests.system.offsets import committed, end, until_idle
from tests.system.plant import ROLES, Plant, small_dataset, until

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("stops")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset"))
    plant.make_topics()
    yield plant
    plant.end()


def folded(plant: Plant, role: str) -> int:
    """Return how many records a worker has folded since it started, by its next word: the last one may be older."""
    worker = plant.worker(role)
    last_s = worker.metrics()["uptime_s"]
    until(lambda: worker.metrics()["uptime_s"] > last_s, "its next word")
    return int(worker.metrics()["records"])


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_told_to_stop_while_it_starts_exits_with_0(plant: Plant, role: str) -> None:
    worker = plant.worker(role)
    before = plant.log_of(role) if worker.log.exists() else ""
    worker.start()
    until(lambda: "Starting" in plant.log_of(role)[len(before) :], "its first line")

    assert worker.stop() == 0


def test_workers_told_to_stop_under_load_leave_nothing_to_be_read_twice(plant: Plant) -> None:
    plant.start(*ROLES)
    with plant.replaying(4, speed=60.0) as replay:
        until(lambda: replay.published > 200, "load")
        codes = {role: plant.worker(role).stop() for role in ROLES}
    before = {role: committed(plant, role) for role in ROLES}
    plant.start(*ROLES)
    until_idle(plant)

    assert codes == {"twin": 0, "rollup": 0}
    assert before["twin"] > 0
    assert {role: before[role] + folded(plant, role) for role in ROLES} == {role: end(plant, role) for role in ROLES}


def test_workers_told_to_stop_while_idle_have_committed_everything(plant: Plant) -> None:
    plant.start(*[role for role in ROLES if not plant.worker(role).pid])
    plant.replay()
    until_idle(plant)
    codes = {role: plant.worker(role).stop() for role in ROLES}

    assert codes == {"twin": 0, "rollup": 0}
    assert {role: committed(plant, role) for role in ROLES} == {role: end(plant, role) for role in ROLES}
    plant.start(*ROLES)
    until_idle(plant)
    assert folded(plant, "twin") == 0
    plant.assert_exact()
