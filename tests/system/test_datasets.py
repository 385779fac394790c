"""Any dataset of the format replays and verifies: kinds, levels, ids, trees, intervals, days and windows."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from tests.system.deployment import Deployment
from tests.system.plant import until
from tests.worlds import World, device, edge, say_everything

pytestmark = pytest.mark.broker

HOUR_MS = 3_600_000
NOON_MS = 1_464_782_400_000
ALL_DISTURBANCES = ("--duplicate", "0.1", "--shuffle", "0.3", "--late", "0.1", "--poison", "0.1", "--seed", "3")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def an_hour_of_minutes() -> World:
    """Windows of a minute, intervals of 1 s to 1 h, trees by a street and by an owner, a group across both."""
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 12 * 60_000, window_s=60)
    world.node("a/b c|d,\"e\" 'f'", "straße/teil 1")
    world.node("מתחם", "شارع", "a/b c|d,\"e\" 'f'")
    world.node("🔋 🏠\u200d", "شارع", "a/b c|d,\"e\" 'f'")
    world.node("所有者", "オーナー", hierarchy="owner")
    world.node("alone", "オーナー", hierarchy="owner")
    world.node("group:all", "group", hierarchy="group")
    world.node("group:some|live", "group", hierarchy="group")
    kinds = ("pv", "wärmepumpe", "电池", "load", "x_1")
    for number, interval_s in enumerate((1, 7, 60, 900, 3600)):
        join_ms, leave_ms = NOON_MS + 200_500, NOON_MS + 500_100
        where = ("מתחם", "🔋 🏠\u200d", "a/b c|d,\"e\" 'f'")[number % 3]
        parents = [
            where,
            "group:all",
            *(["所有者"] if number % 2 else []),
            *(["group:some|live"] if number < 2 else []),
        ]
        capacity = 5000 if number % 2 else None
        world.site(f"home {number} \\ ü|{'י' * number}", *parents,
                   steady=device(kinds[number], interval_s=interval_s, capacity_wh=capacity),
                   late=device("load", interval_s=interval_s, from_ms=join_ms),
                   early=device(kinds[number], interval_s=interval_s, to_ms=leave_ms))  # fmt: skip
    world.site("moves", edge("מתחם", to_ms=NOON_MS + 300_000), edge("🔋 🏠\u200d", NOON_MS + 300_000), one=device())
    world.site("\n\t", edge("alone", NOON_MS + 90_000, NOON_MS + 400_000), one=device(interval_s=30))
    say_everything(world, random.Random(1), gaps=0.1)
    return world


def a_day_of_25_hours() -> World:
    """Windows of an hour over a local day on which clocks are set back; a tree of seven levels beside bare sites."""
    world = World(start_ms=at("2016-10-29T22:00"), end_ms=at("2016-10-30T23:00"), window_s=3600)
    above: tuple[str, ...] = ()
    for depth in range(7):
        above = (world.node(f"n{depth}", f"level {depth}", *above),)
    for number, interval_s in enumerate((60, 420, 900, 1800, 3600, 2700)):
        world.site(f"s{number}", f"n{6 - number}", one=device("hydro", interval_s=interval_s, rated_w=10**8))
    say_everything(world, random.Random(2))
    return world


def a_day_of_23_hours() -> World:
    """Windows of seven minutes, which no hour is a multiple of, on a local day on which clocks are set forward."""
    world = World(start_ms=at("2016-03-26T23:00"), end_ms=at("2016-03-27T22:00"), window_s=420, grace_s=60)
    world.node("top", "region")
    for number in range(4):
        world.node(f"f{number}", "feeder", "top")
        world.site(f"s{number}", f"f{number}", pv=device("pv", interval_s=300), ev=device("ev_charger", interval_s=900))
    say_everything(world, random.Random(3), gaps=0.2)
    return world


@pytest.mark.parametrize(("world", "packed"), [(an_hour_of_minutes(), True), (a_day_of_25_hours(), False)],
                         ids=["minutes", "25 hours"])  # fmt: skip
def test_any_dataset_replays_and_verifies(world: World, packed: bool, new_broker: LocalBroker, tmp_path: Path) -> None:
    one = deployment(world.write(tmp_path / "dataset", packed=packed), new_broker)
    one.gridtwin("topics", "create", "--dataset", one.dataset)
    one.gridtwin("topology", "apply", one.dataset)

    with one.workers():
        bar = one.gridtwin("replay", one.dataset)
        said = one.gridtwin("verify", one.dataset)

    rows = sum(1 for _ in world.truth())
    assert f"{rows} of {rows} rows equal and final" in said
    assert re.search(r"100% \d+ records, \d+/s", bar)
    assert f" {len(world.said)} applied, 0 duplicate, 0 conflicting, 0 rejected" in said


def test_a_replay_killed_in_the_middle_goes_on_and_every_disturbance_leaves_the_truth(
    new_broker: LocalBroker, tmp_path: Path
) -> None:
    world = a_day_of_23_hours()
    one = deployment(world.write(tmp_path / "dataset"), new_broker)
    one.gridtwin("topics", "create", "--dataset", one.dataset)

    with one.workers():
        killed = one.begin("replay", one.dataset, *ALL_DISTURBANCES, "--speed", "8000")
        until(lambda: list((tmp_path / "data" / "replay").glob("*.json")), "the first tick")
        killed.kill()
        killed.communicate()
        before = ticked_at_ms(tmp_path)
        said = one.gridtwin("replay", one.dataset, *ALL_DISTURBANCES)
        verdict = one.gridtwin("verify", one.dataset)

    ticks = 3 * -(-(world.end_ms + (60 + 2 * 420 + 2 * 105) * 1000 - before) // 105_000)
    assert world.start_ms <= before < world.end_ms
    assert f" {ticks} ticks published" in said
    rows = sum(1 for _ in world.truth())
    assert f"{rows} of {rows} rows equal and final" in verdict
    assert f" {len(world.said)} applied" in verdict
    assert not re.search(r" 0 (duplicate|rejected)", verdict)


def deployment(dataset: Path, broker: LocalBroker) -> Deployment:
    running = broker.running()
    assert running is not None
    return Deployment(dataset.parent, running.address, dataset)


def ticked_at_ms(directory: Path) -> int:
    (file,) = (directory / "data" / "replay").glob("*.json")
    return int(json.loads(file.read_text())["ticked_at_ms"])
