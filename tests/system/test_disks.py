"""A disk may be older than its changelog, or gone: what was not in it comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from tests.system.exactness import Exactness
from tests.system.plant import ROLES, Plant, small_dataset, until

pytestmark = pytest.mark.broker


def test_an_old_disk_and_an_empty_one_give_the_same_numbers(new_broker: LocalBroker, tmp_path: Path) -> None:
    plant = Plant(tmp_path, new_broker, small_dataset(tmp_path / "dataset", minutes=12))
    plant.make_topics()
    exact = Exactness(plant)

    with plant.running(*ROLES):
        plant.replay(4)
        for role in ROLES:
            plant.worker(role).kill()
            shutil.copytree(plant.disk_of(role), tmp_path / f"old-{role}")
            plant.start(role)
        plant.replay(4)
        before = exact.wait(plant.at_ms)

        for role in ROLES:
            plant.worker(role).kill(wipe=True)
            (tmp_path / f"old-{role}").rename(plant.disk_of(role))
            plant.start(role)
        for role in ROLES:
            until(lambda role=role: plant.worker(role).metrics().get("recovered_rows"), "rows from the changelog")  # type: ignore[misc]
        plant.replay(4)
        with_old_disks = exact.wait(plant.at_ms)

        for role in ROLES:
            plant.worker(role).kill()
            plant.disk_of(role).rename(tmp_path / f"set-aside-{role}")
            plant.disk_of(role).mkdir()
            plant.start(role)
        plant.replay()
        plant.assert_exact()

    assert 0 < before < with_old_disks
