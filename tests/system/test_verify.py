"""A verifier is trusted once it was seen failing: one run, and truths and rows that it does not agree with."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, partition_of, read_to_end
from app.topics import AGGREGATE_SITE, level_topic
from tests.system.deployment import Deployment
from tests.worlds import World, device, say_everything

pytestmark = pytest.mark.broker

START_MS = 1_464_782_400_000
WINDOW_MS = 60_000
DEVICE = "s1/battery"


def a_world() -> World:
    """Two feeders with two homes each, for six minutes."""
    world = World(start_ms=START_MS, end_ms=START_MS + 6 * WINDOW_MS)
    world.node("top", "grid")
    for number in (1, 2):
        world.node(f"f{number}", "feeder", "top")
    for number in (1, 2, 3, 4):
        battery = device("battery", interval_s=20, capacity_wh=9000)
        world.site(f"s{number}", f"f{1 + number % 2}", battery=battery, pv=device("pv", interval_s=30))
    say_everything(world, random.Random(4))
    return world


@pytest.fixture(scope="module")
def run(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment through which the world went."""
    running = module_broker.running()
    assert running is not None
    directory = tmp_path_factory.mktemp("run")
    one = Deployment(directory, running.address, a_world().write(directory / "dataset"))
    one.gridtwin("topics", "create", "--dataset", one.dataset)
    with one.workers():
        one.gridtwin("replay", one.dataset, "--until", str(START_MS + 2 * WINDOW_MS))
        one.gridtwin("replay", one.dataset)
        one.gridtwin("verify", one.dataset)
    return one


def some_reading(world: World) -> int:
    """Return the place of a battery's reading in the third window."""
    start_ms = START_MS + 2 * WINDOW_MS
    return next(
        i for i, one in enumerate(world.said) if one.device == DEVICE and start_ms <= one.at_ms < start_ms + WINDOW_MS
    )


def lost(world: World) -> list[str]:
    """The truth has a reading that was never published."""
    world.say("s1", "battery", START_MS + 2 * WINDOW_MS + 1, 12345)
    return ["readings 3, expected 4", "12345", "not in the topic"]


def doubled(world: World) -> list[str]:
    """What was published holds a reading once more than the truth."""
    gone = world.said.pop(some_reading(world))
    return ["readings 3, expected 2", f"{gone.power_w}", "not in the dataset"]


def changed(world: World) -> list[str]:
    """The truth has another value."""
    place = some_reading(world)
    world.said[place] = world.said[place]._replace(power_w=world.said[place].power_w + 1)
    return ["sum_w", "not in the topic", "not in the dataset"]


def swapped(world: World) -> list[str]:
    """Two sites hang on each other's feeders."""
    one, other = world.sites["s1"], world.sites["s2"]
    one["parents"], other["parents"] = other["parents"], one["parents"]
    return ["f1 2016-06-01T12:00:00Z all: sum_w", "f2 2016-06-01T12:00:00Z all: sum_w", "s1: {"]


def without_a_window(world: World) -> list[str]:
    """The truth has a window that was never published."""
    world.start_ms -= 10 * WINDOW_MS
    world.say("s1", "battery", world.start_ms, 7)
    return ["top 2016-06-01T11:50:00Z all: not published", "not in the topic"]


def with_a_window_too_many(world: World) -> list[str]:
    """The truth knows nothing of the last window."""
    world.end_ms -= WINDOW_MS
    world.said = [one for one in world.said if one.at_ms < world.end_ms]
    return ["top 2016-06-01T12:05:00Z all: readings", "not in the dataset"]


def with_another_kind(world: World) -> list[str]:
    """What was published holds a kind that the truth has not."""
    for site in world.sites.values():
        site["devices"][next(iter(site["devices"]))]["kind"] = "ev_charger"
    return [" ev_charger: no such kind was published", " battery: readings"]


@pytest.mark.parametrize(
    "plant", [lost, doubled, changed, swapped, without_a_window, with_a_window_too_many, with_another_kind]
)
def test_a_difference_is_found_and_the_readings_behind_it_are_shown(
    plant: Callable[[World], list[str]], run: Deployment, tmp_path: Path
) -> None:
    world = a_world()
    expected = plant(world)

    said = run.gridtwin("verify", world.write(tmp_path / "other"), "--timeout", "0.1", "--show", "100", code=1)

    for words in expected:
        assert words in said
    assert "readings behind " in said


def covered_less(row: dict[str, Any]) -> str:
    row["kinds"]["battery"]["covered_device_s"] -= 1
    return "covered_device_s"


def expected_more(row: dict[str, Any]) -> str:
    row["kinds"]["all"]["devices_expected"] += 1
    return "devices_expected"


def never_final(row: dict[str, Any]) -> str:
    row["status"] = "provisional"
    return "still provisional, expected final"


def charged_otherwise(row: dict[str, Any]) -> str:
    row["state_of_charge_wh"][DEVICE] += 1
    return f"{DEVICE}: state of charge"


@pytest.mark.parametrize(
    ("plant", "topic", "name"),
    [
        (covered_less, level_topic("feeder"), "f1"),
        (expected_more, level_topic("grid"), "top"),
        (never_final, level_topic("grid"), "top"),
        (charged_otherwise, AGGREGATE_SITE, "s1"),
    ],
)
def test_a_row_published_wrong_is_found(
    plant: Callable[[dict[str, Any]], str], topic: str, name: str, run: Deployment
) -> None:
    row = asyncio.run(newest(run, topic, name))
    wrong = json.loads(json.dumps(row))
    words = plant(wrong)
    asyncio.run(publish(run, topic, {**wrong, "revision": row["revision"] + 1}))

    said = run.gridtwin("verify", run.dataset, "--timeout", "0.1", code=1)

    asyncio.run(publish(run, topic, {**row, "revision": row["revision"] + 2}))
    assert f"{name} 2016-06-01T12:02:00Z" in said
    assert words in said
    assert "readings behind " in said
    assert "differences" not in run.gridtwin("verify", run.dataset)


async def newest(run: Deployment, topic: str, name: str) -> dict[str, Any]:
    """Return the row of the third window that holds now."""
    rows = [
        json.loads(record.value)
        async for record in read_to_end(run.environ["VPP_BROKER"], topic)
        if record.value and record.key == f"{name}|{START_MS + 2 * WINDOW_MS}".encode()
    ]
    return max(rows, key=lambda row: int(row["revision"]))


async def publish(run: Deployment, topic: str, row: dict[str, Any]) -> None:
    async with BatchPublisher(run.environ["VPP_BROKER"]) as publisher:
        key = f"{row['node']}|{row['window_start_ms']}".encode()
        home = partition_of(row["node"].encode(), 3)
        await publisher.publish(topic, home, [(key, json.dumps(row).encode(), (), None)])


def test_a_level_is_read_as_a_table(run: Deployment) -> None:
    feeder = run.gridtwin("tail", "feeder", "f1", "--once").splitlines()
    site = run.gridtwin("tail", "site", "s1", "--once").splitlines()

    assert feeder[0].split()[:3] == ["node", "what", "status"]
    assert {line.split()[0] for line in feeder[1:]} == {"f1"}
    assert any(line.split()[1:5] == ["2016-06-01", "12:02", "final", "complete"] for line in feeder[1:])
    assert len([line for line in site if "12:02" in line]) >= 1
