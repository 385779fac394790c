"""Synthetic datasets: any shape, the same from the same seed, and a truth that the oracle of the simulation shares."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.dataset.format import Dataset
from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from tests.worlds import Spoken, World, edge

START_MS = 1_764_000_000_000
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"sites": 30, "fanout": 3},
    "one site": {"sites": 1, "depth": 1},
    "deep, many devices": {"sites": 20, "depth": 9, "fanout": 2, "devices_per_site": 5, "groups": 3},
    "1 s to 1 h": {"sites": 12, "devices_per_site": 3, "intervals_s": (1, 7, 60, 900, 3600)},
    "gaps, joins, leaves": {"sites": 40, "gap_share": 0.3, "join_share": 0.5, "leave_share": 0.5, "groups": 2},
    "windows of an hour": {"sites": 5, "window_s": 3600, "intervals_s": (60, 2700), "end_ms": START_MS + 9_000_000},
    "windows that start before it": {"sites": 5, "window_s": 420, "start_ms": START_MS + 61_001},
    "one hot site": {"sites": 9, "devices_per_site": 2, "intervals_s": (60,), "hot_interval_s": 1},
    "any ids": {"sites": 40, "is_unicode": True, "devices_per_site": 2, "groups": 2},
}


def a_shape(**changes: Any) -> Shape:
    return Shape(**{"start_ms": START_MS, "end_ms": START_MS + 300_000, **changes})


def world_of(dataset: Dataset) -> World:
    """Read a dataset back for the oracle."""
    meta = dataset.meta
    world = World(start_ms=meta.start_ms, end_ms=meta.end_ms, window_s=meta.window_s)
    for member in dataset.topology():
        edges = [edge(one.node, one.valid_from_ms, one.valid_to_ms) for one in member.parents]
        if member.type == "node":
            world.nodes[member.id] = {"level": member.level, "hierarchy": member.hierarchy, "parents": edges}
        else:
            devices = {one.device: _device(one) for one in member.devices}
            world.sites[member.id] = {"parents": edges, "devices": devices}
    world.said = list(_spoken(dataset))
    return world


def _device(one: Any) -> dict[str, Any]:
    return {"kind": one.kind, "interval": one.reporting_interval_s, "rated": one.rated_power_w,
            "capacity": one.usable_capacity_wh, "from": one.valid_from_ms, "to": one.valid_to_ms}  # fmt: skip


def _spoken(dataset: Dataset) -> Iterator[Spoken]:
    for one in dataset.telemetry():
        value = json.loads(bytes(one.value))
        yield Spoken(one.site, value["device"], value["measured_at_ms"], value["active_power_w"], one.arrived_at_ms,
                     value.get("state_of_charge_wh"))  # fmt: skip


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_its_truth_is_the_oracles(changes: dict[str, Any], tmp_path: Path) -> None:
    generate(tmp_path / "d", a_shape(**changes))

    dataset = Dataset(tmp_path / "d")
    dataset.check()
    world = world_of(dataset)
    assert sorted(map(tuple, dataset.truth())) == sorted(world.truth())
    assert sorted(map(tuple, dataset.soc_truth())) == sorted(world.soc_truth())
    assert dataset.meta.readings == len(world.said) > 0


def test_the_same_seed_makes_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        generate(tmp_path / name, a_shape(sites=10, seed=seed))
    one, again, other = (tmp_path / name / "telemetry.jsonl.gz" for name in ("one", "again", "other"))

    assert one.read_bytes() == again.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_values_vary(tmp_path: Path) -> None:
    generate(tmp_path / "d", a_shape(sites=50))

    powers = {one.power_w for one in _spoken(Dataset(tmp_path / "d"))}
    assert len(powers) > 500
    assert min(powers) < 0 < max(powers)


def test_telemetry_is_in_the_order_of_arrival(tmp_path: Path) -> None:
    generate(tmp_path / "d", a_shape(sites=50))

    arrivals = [one.arrived_at_ms for one in Dataset(tmp_path / "d").telemetry()]
    assert arrivals == sorted(arrivals)


def test_a_hot_site_says_as_much_as_sixty_that_report_once_a_minute(tmp_path: Path) -> None:
    generate(tmp_path, a_shape(sites=61, intervals_s=(60,), hot_interval_s=1))
    spoken = [one.site for one in _spoken(Dataset(tmp_path))]

    assert spoken.count("site-000000") == len(spoken) / 2


@pytest.mark.parametrize(("day", "hours"), [("2016-03-27", 23), ("2016-06-01", 24), ("2016-10-30", 25)])
def test_a_local_day_is_as_long_as_it_is(day: str, hours: int) -> None:
    shape = Shape.of(interval_s=(15,), duration_s=1, start_ms=0, local_day=datetime.fromisoformat(day),
                     timezone=ZoneInfo("Europe/Berlin"))  # fmt: skip

    assert shape.end_ms - shape.start_ms == hours * 3_600_000


@pytest.mark.parametrize("module", ["synthetic_truth", "simbench_truth"])
def test_truth_is_computed_by_code_that_shares_nothing_with_the_core(module: str) -> None:
    code = f"import sys, app.dataset.{module}; print([one for one in sys.modules if one.startswith('app.')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert f"app.dataset.{module}" in done.stdout
    assert "app.domain" not in done.stdout
