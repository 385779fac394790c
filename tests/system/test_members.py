"""Two workers per role and a spare: they join and leave under load, told to or killed, and every number is exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from tests.system.exactness import Exactness
from tests.system.plant import Plant, small_dataset, until

pytestmark = pytest.mark.broker

FIRST = ("twin-1", "rollup-1")
SECOND = ("twin-2", "rollup-2")
SPARE = ("twin-3", "rollup-3")
"""There are two partitions: a third worker has nothing to do until another one is gone."""
SPEED = 45.0


def owned(plant: Plant, *names: str) -> list[int]:
    """Return how many partitions each of some workers says that it owns."""
    return [len(plant.worker(name).metrics().get("lag", {})) for name in names]


def test_workers_join_and_leave_under_load(new_broker: LocalBroker, tmp_path: Path) -> None:
    plant = Plant(tmp_path, new_broker, small_dataset(tmp_path / "dataset", minutes=20), partitions=2,
                  session_timeout_s=12)  # fmt: skip
    plant.make_topics()
    exact = Exactness(plant)

    with plant.running(*FIRST):
        plant.replay(4)
        with plant.replaying(2, speed=SPEED):
            plant.start(*SECOND)
            until(lambda: owned(plant, *FIRST, *SECOND) == [1, 1, 1, 1], "partitions shared by two")
        joined = exact.wait(plant.at_ms)

        with plant.replaying(2, speed=SPEED):
            codes = [plant.worker(name).stop() for name in FIRST]
            until(lambda: owned(plant, *SECOND) == [2, 2], "partitions of those that left")
        left = exact.wait(plant.at_ms)

        with plant.replaying(2, speed=SPEED):
            plant.start(*FIRST)
            until(lambda: owned(plant, *FIRST, *SECOND) == [1, 1, 1, 1], "partitions shared again")
            plant.start(*SPARE)
            for name in SECOND:
                plant.worker(name).kill(wipe=True)
            until(lambda: owned(plant, *FIRST, *SPARE) == [1, 1, 1, 1], "partitions of those killed")
        killed = exact.wait(plant.at_ms)

        with plant.replaying(speed=4 * SPEED):
            plant.start(*SECOND)
        plant.assert_exact()

    assert codes == [0, 0]
    assert 0 < joined < left < killed
