"""SimBench as a dataset: a day of a real-shaped grid, with its exact truth from the source matrices.

Data: SimBench, ODbL 1.0. It is fetched, converted and never committed. Times in it are local (Europe/Berlin,
2016, both changes of clock); everything here is UTC. Consumption is positive.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from app.dataset.format import Member, Meta
from app.dataset.simbench_grid import Grid, Source
from app.dataset.simbench_truth import Column, soc_truth_rows, truth_rows
from app.dataset.simbench_wheel import fetch_wheel
from app.dataset.writer import DatasetWriter
from app.domain.contracts import DeviceRecord, Edge
from app.errors import GridtwinError

ZONE = "Europe/Berlin"
INTERVAL_S = 900
EFFICIENCY = 0.95
AGGREGATORS = 5
WEEK_STEPS = 672
LICENCE = "SimBench data, Open Database License (ODbL) 1.0"
LONGEST_LATENCY_MS = 20_000


class Unit(NamedTuple):
    """A device of the source: its profile columns and ratings."""

    name: str
    bus: str
    kind: str
    label: str
    rated_w: float
    reactive_var: float
    capacity_wh: float | None
    active: tuple[tuple[str, str, int], ...]
    """Profile table, column and sign of each part of its power."""
    reactive: str | None


class Series(NamedTuple):
    """Whole watts, vars and watt-hours: one row per step, one column per device."""

    times_ms: Any
    power_w: Any
    reactive_var: Any
    soc_wh: Any


def convert(directory: Path, *, scenario: int, mv_grid: str, lv_limit: int, start: datetime, days: int, window_s: int,
            stagger: bool, seed: int) -> Meta:  # fmt: skip
    """Write the dataset of some LV grids below one MV grid for some local days; return its description."""
    source = Source(fetch_wheel(), scenario)
    grid = Grid(source, mv_grid, lv_limit)
    units = [unit for unit in _units(source, set(grid.lv_grids)) if unit.bus in grid.node_of_bus]
    series = _series(source, units, start, days, stagger=stagger)
    sites = _sites(units, grid)
    with DatasetWriter(directory) as writer:
        writer.topology(_members(units, series, grid, sites))
        readings = writer.telemetry(_telemetry(units, series, seed))
        truth, soc_truth = _truth(writer, units, series, sites, window_s)
        meta = Meta(
            name=f"simbench-{scenario}-{mv_grid}-{lv_limit}-{start:%Y-%m-%d}-{days}d",
            window_s=window_s,
            start_ms=int(series.times_ms[0]),
            end_ms=int(series.times_ms[-1]) + INTERVAL_S * 1000,
            tick_s=60,
            levels=tuple(sorted({grid.levels.get(node, "group") for nodes in sites.values() for node in nodes})),
            sites=len(sites),
            devices=len(units),
            readings=readings,
            truth_rows=truth,
            soc_truth_rows=soc_truth,
            seed=seed,
            licence=LICENCE,
        )
        writer.finish(meta)
    return meta


def _truth(writer: DatasetWriter, units: list[Unit], series: Series, sites: dict[str, list[str]],
           window_s: int) -> tuple[int, int]:  # fmt: skip
    columns = [Column(_id(unit.bus), _id(unit.name), unit.kind) for unit in units]
    rows = truth_rows(columns, series.times_ms, series.power_w, sites, interval_s=INTERVAL_S, window_s=window_s)
    soc_rows = soc_truth_rows(columns, series.times_ms, series.soc_wh, window_s=window_s)
    return writer.truth(rows), writer.soc_truth(soc_rows)


def _units(source: Source, subnets: set[str]) -> Iterator[Unit]:
    loads = source.table("Load")
    for row in loads[loads["subnet"].isin(subnets)].itertuples():
        kind = _kind_of_load(row.profile)
        part = (("LoadProfile", f"{row.profile}_pload", 1),)
        yield Unit(row.id, row.node, kind, row.profile, row.pLoad * 1e6, row.qLoad * 1e6, None, part,
                   f"{row.profile}_qload")  # fmt: skip
    sources = source.table("RES")
    for row in sources[sources["subnet"].isin(subnets)].itertuples():
        part = (("RESProfile", row.profile, 1),)
        yield Unit(row.id, row.node, _kind_of_source(row.type), row.profile, -row.pRES * 1e6, 0.0, None, part, None)
    storages = source.table("Storage")
    for row in storages[storages["subnet"].isin(subnets)].itertuples():
        yield from _storage_units(row)


def _storage_units(row: Any) -> Iterator[Unit]:
    """A PV storage is PV and battery together: the battery is what is left once the PV is taken out."""
    rated_w, capacity_wh, both = row.pStor * 1e6, row.eStore * 1e6, ("StorageProfile", row.profile, 1)
    split = re.match(r"Storage_(PV\d+)_(?!3%)", row.profile)
    if split is None:
        yield Unit(row.id, row.node, "hybrid", row.profile, rated_w, 0.0, capacity_wh, (both,), None)
        return
    solar = split[1]
    yield Unit(f"{row.id} pv", row.node, "pv", solar, rated_w, 0.0, None, (("RESProfile", solar, 1),), None)
    parts = (both, ("RESProfile", solar, -1))
    yield Unit(f"{row.id} battery", row.node, "battery", row.profile, rated_w, 0.0, capacity_wh, parts, None)


def _kind_of_load(profile: str) -> str:
    if profile.startswith(("HLS_", "APLS_")):
        return "ev_charger"
    return "heat_pump" if profile.startswith(("Air_", "Soil_")) else "load"


def _kind_of_source(kind: str) -> str:
    words = (("pv", "pv"), ("wind", "wind"), ("hydro", "hydro"), ("run", "hydro"), ("biomass", "biomass"))
    return next((ours for theirs, ours in words if theirs in kind.lower()), "res_mix")


def _series(source: Source, units: list[Unit], start: datetime, days: int, *, stagger: bool) -> Series:
    steps, times_ms = _steps(source, start, days)
    year = len(source.table("LoadProfile"))
    power_w = np.zeros((len(steps), len(units)), np.int64)
    reactive_var = np.zeros_like(power_w)
    for column, unit in enumerate(units):
        mine = steps
        if stagger and unit.active[0][0] == "LoadProfile":
            mine = (steps + WEEK_STEPS * (zlib.crc32(_id(unit.name).encode()) % 52)) % year
        for table, profile, sign in unit.active:
            values = source.table(table)[profile].to_numpy()[mine] * unit.rated_w
            power_w[:, column] += sign * np.rint(values).astype(np.int64)
        if unit.reactive is not None:
            values = source.table("LoadProfile")[unit.reactive].to_numpy()[mine] * unit.reactive_var
            reactive_var[:, column] = np.rint(values).astype(np.int64)
    return Series(times_ms, power_w, reactive_var, _soc(units, power_w))


def _steps(source: Source, start: datetime, days: int) -> tuple[Any, Any]:
    """Return the rows of some local days, 92 to 100 of a day, and their times in UTC."""
    stamps = pd.to_datetime(source.table("LoadProfile")["time"], format="%d.%m.%Y %H:%M")
    times = stamps.dt.tz_localize(ZONE, ambiguous="infer").dt.tz_convert("UTC")
    first = pd.Timestamp(start, tz=ZONE)
    steps = np.flatnonzero((times >= first) & (times < first + pd.DateOffset(days=days)))
    if not len(steps):
        raise GridtwinError(f"SimBench has no data for {start:%Y-%m-%d}; its year is 2016")
    epoch = pd.Timestamp("1970-01-01", tz="UTC")
    return steps, ((times.iloc[steps] - epoch) // pd.Timedelta(milliseconds=1)).to_numpy()


def _soc(units: list[Unit], power_w: Any) -> Any:
    """Count charge from half full, with a loss either way, between empty and full; not in the source."""
    storing = [column for column, unit in enumerate(units) if unit.kind == "battery"]
    capacity = np.array([units[column].capacity_wh for column in storing], float)
    stored, soc = capacity * 0.5, np.full(power_w.shape, -1, np.int64)
    for step in range(len(power_w)):
        energy = power_w[step, storing] * (INTERVAL_S / 3600)
        stored = np.clip(stored + np.where(energy > 0, energy * EFFICIENCY, energy / EFFICIENCY), 0, capacity)
        soc[step, storing] = np.floor(stored)
    return soc


def _id(name: str) -> str:
    return name.replace(" ", "_")


def _sites(units: list[Unit], grid: Grid) -> dict[str, list[str]]:
    """Site -> every node above it; groups overlap on purpose."""
    groups: dict[str, set[str]] = {}
    for unit in units:
        mine = groups.setdefault(
            _id(unit.bus), {f"group:aggregator-{zlib.crc32(_id(unit.bus).encode()) % AGGREGATORS}"}
        )
        mine.add(f"group:has-{unit.kind}")
        if unit.kind == "load":
            mine.add(f"group:tariff-{_tariff(unit.label)}")
    node_of = {_id(bus): node for bus, node in grid.node_of_bus.items()}
    return {site: [*grid.above(node_of[site]), *sorted(groups[site])] for site in sorted(groups)}


def _tariff(profile: str) -> str:
    if profile.startswith("H0"):
        return "household"
    return {"G": "commercial", "L": "farm"}.get(profile[0], "other")


def _members(units: list[Unit], series: Series, grid: Grid, sites: dict[str, list[str]]) -> Iterator[Member]:
    used = sorted({node for nodes in sites.values() for node in nodes})
    for node in used:
        if node in grid.levels:
            parent = grid.parents[node]
            parents = (Edge(parent),) if parent is not None else ()
            yield Member(type="node", id=node, level=grid.levels[node], hierarchy="grid", parents=parents)
        else:
            yield Member(type="node", id=node, level="group", hierarchy="group")
    devices: dict[str, list[DeviceRecord]] = {}
    for column, unit in enumerate(units):
        devices.setdefault(_id(unit.bus), []).append(_device(unit, series.power_w[:, column]))
    for site, nodes in sites.items():
        direct = (nodes[0], *(node for node in nodes if node not in grid.levels))
        yield Member(type="site", id=site, parents=tuple(map(Edge, direct)), devices=tuple(devices[site]))


def _device(unit: Unit, power_w: Any) -> DeviceRecord:
    capacity = None if unit.capacity_wh is None else round(unit.capacity_wh)
    rated_w = max(round(abs(unit.rated_w)), int(np.abs(power_w).max()))
    return DeviceRecord(_id(unit.name), unit.kind, rated_w, INTERVAL_S, capacity)  # type: ignore[arg-type]


def _telemetry(units: list[Unit], series: Series, seed: int) -> Iterator[bytes]:
    """Yield readings as they arrive: each a little after it was measured."""
    chance, encode = random.Random(seed), msgspec.json.Encoder().encode
    names = [(_id(unit.bus), _id(unit.name), unit) for unit in units]
    for step, at_ms in enumerate(series.times_ms.tolist()):
        arriving = []
        for column, (site, device, unit) in enumerate(names):
            value = {"device": device, "measured_at_ms": at_ms, "active_power_w": int(series.power_w[step, column])}
            if unit.reactive is not None:
                value["reactive_power_var"] = int(series.reactive_var[step, column])
            if series.soc_wh[step, column] >= 0:
                value["state_of_charge_wh"] = int(series.soc_wh[step, column])
            arriving.append((at_ms + chance.randrange(200, LONGEST_LATENCY_MS), site, value))
        for arrived_ms, site, value in sorted(arriving, key=lambda one: one[0]):
            yield encode({"site": site, "arrived_at_ms": arrived_ms, "value": value}) + b"\n"
