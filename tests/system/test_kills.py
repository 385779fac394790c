"""Workers are killed under load, again and again, and every number is exact each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from app.topics import TELEMETRY
from tests.system.exactness import Exactness
from tests.system.plant import ROLES, Plant, small_dataset, until
from tests.system.wire import ends_of

pytestmark = pytest.mark.broker

WARM_UP_MINUTES = 4
KILLS = 20
MINUTES_PER_KILL = 0.75
SPEED = 45.0
"""Simulated seconds per second: a second of load around each kill."""


def test_every_row_is_exact_after_each_of_twenty_kills(new_broker: LocalBroker, tmp_path: Path) -> None:
    minutes = round(WARM_UP_MINUTES + KILLS * MINUTES_PER_KILL)
    dataset = small_dataset(tmp_path / "dataset", sites=72, minutes=minutes)
    plant = Plant(tmp_path, new_broker, dataset, tick_s=1)
    plant.make_topics()
    exact = Exactness(plant)
    rows = []

    with plant.running(*ROLES):
        with plant.replaying(WARM_UP_MINUTES) as warm_up:
            pass
        published = warm_up.published + warm_up.ticks
        for number in range(KILLS):
            with plant.replaying(MINUTES_PER_KILL, speed=SPEED) as replay:
                until(lambda replay=replay: replay.published > 100, "load")  # type: ignore[misc]
                plant.kill_and_start(ROLES[number % 2], wipe=number % 4 >= 2)
            rows.append(exact.wait(plant.at_ms))
            published += replay.published + replay.ticks
        records = sum(ends_of(plant, TELEMETRY)[0].values())
        plant.replay()
        plant.assert_exact()

    assert 0 < rows[0] < rows[-1]
    assert records == published, "in a replay no worker writes ticks"
