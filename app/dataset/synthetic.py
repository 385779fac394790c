"""Any number of sites with values that vary, written window by window: memory follows the sites, not the hours."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.dataset.format import SOC_TRUTH, TELEMETRY, TRUTH, Member, Meta
from app.dataset.synthetic_truth import TruthOfWindow
from app.dataset.synthetic_world import Home, Place, Said, Shape, Unit, make_world, say
from app.dataset.truth import SocTruthRow, TruthRow
from app.dataset.writer import DatasetWriter
from app.domain.contracts import DeviceRecord, Edge

_encode = msgspec.json.Encoder().encode


def generate(directory: Path, shape: Shape) -> Meta:
    """Write a dataset and return its description."""
    chance = random.Random(shape.seed)
    nodes, homes = make_world(shape, chance)
    with DatasetWriter(directory) as writer:
        writer.topology(_members(nodes, homes))
        readings, truth_rows, soc_truth_rows = _write(writer, shape, homes, chance)
        meta = Meta(
            name=f"synthetic-{shape.sites}-{shape.window_s}-{shape.seed}",
            window_s=shape.window_s,
            start_ms=shape.start_ms,
            end_ms=shape.end_ms,
            tick_s=max(1, min(60, shape.window_s // 4)),
            levels=tuple(sorted({node.level for node in nodes.values()})),
            sites=len(homes),
            devices=sum(len(home.units) for home in homes),
            readings=readings,
            truth_rows=truth_rows,
            soc_truth_rows=soc_truth_rows,
            seed=shape.seed,
        )
        writer.finish(meta)
    return meta


def _write(writer: DatasetWriter, shape: Shape, homes: list[Home], chance: random.Random) -> tuple[int, int, int]:
    """Write telemetry and truth side by side; return readings, truth rows and states of charge."""
    window_ms = shape.window_s * 1000
    late: list[Said] = []
    with (
        writer.lines(TELEMETRY) as telemetry,
        writer.rows(TRUTH, TruthRow._fields) as truth,
        writer.rows(SOC_TRUTH, SocTruthRow._fields) as soc_truth,
    ):
        for start_ms in range(shape.start_ms // window_ms * window_ms, shape.end_ms, window_ms):
            said = list(say(shape, homes, start_ms, chance))
            window = TruthOfWindow(shape.window_s, start_ms, said)
            truth.add_rows(window.rows(homes))
            soc_truth.add_rows(window.soc_rows())
            arriving = sorted([*late, *said], key=lambda one: one.arrived_ms)
            late = [one for one in arriving if one.arrived_ms >= start_ms + window_ms]
            telemetry.add(_lines(arriving[: len(arriving) - len(late)]))
        telemetry.add(_lines(late))
    return telemetry.count, truth.count, soc_truth.count


def _members(nodes: dict[str, Place], homes: list[Home]) -> Iterator[Member]:
    for name, node in nodes.items():
        parents = tuple(map(Edge, node.parents))
        yield Member(type="node", id=name, level=node.level, hierarchy=node.hierarchy, parents=parents)
    for home in homes:
        edges = tuple(Edge(parent, home.from_ms, home.to_ms) for parent in home.parents)  # type: ignore[arg-type]
        devices = tuple(_record(home, unit) for unit in home.units)
        yield Member(type="site", id=home.name, parents=edges, devices=devices)


def _record(home: Home, unit: Unit) -> DeviceRecord:
    numbers: Any = (unit.rated_w, unit.interval_s, unit.capacity_wh, home.from_ms, home.to_ms)
    return DeviceRecord(unit.name, unit.kind, *numbers)


def _lines(said: Iterable[Said]) -> Iterator[bytes]:
    for one in said:
        value: dict[str, Any] = {
            "device": one.unit.name, "measured_at_ms": one.at_ms, "active_power_w": one.power_w,
        }  # fmt: skip
        if one.soc_wh is not None:
            value["state_of_charge_wh"] = one.soc_wh
        yield _encode({"site": one.home.name, "arrived_at_ms": one.arrived_ms, "value": value}) + b"\n"
