"""A static member is known by its name, not by the host that it happens to run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.demo.workers import WorkerProcess
from app.kafka.broker import LocalBroker
from tests.system.plant import Plant, small_dataset

pytestmark = pytest.mark.broker


def test_a_static_member_that_comes_back_on_another_host_within_its_session_gets_its_partitions(
    module_broker: LocalBroker, tmp_path: Path
) -> None:
    plant = Plant(tmp_path, module_broker, small_dataset(tmp_path / "dataset", minutes=2))
    plant.make_topics()
    environ = {**plant.environ, "VPP_MEMBER_ID": "1", "VPP_SESSION_TIMEOUT_S": "30"}
    first, second = (WorkerProcess("rollup", tmp_path / host, {**environ, "WEB_HOST": host}) for host in ("one", "two"))

    first.start()
    first.wait_ready()
    first.kill()
    second.start()
    try:
        second.wait_ready()
    finally:
        second.kill()

    assert len(second.metrics()["lag"]) == plant.settings.partitions
