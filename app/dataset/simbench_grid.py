"""SimBench's grid as a tree of nodes: which feeder, station and region every bus hangs on.

LV and MV feeders are the connected components of the closed network once the busbar is taken out.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from app.errors import GridtwinError

ROOT = "EHV1"
LV_GRID = re.compile(r"LV\d+\.\d+$")
FEEDER = re.compile(r"Feeder\d+$")


class Source:
    """The tables of one scenario, read straight out of the wheel."""

    def __init__(self, wheel: Path, scenario: int) -> None:
        self._zip = zipfile.ZipFile(wheel)
        self._directory = f"simbench/networks/1-complete_data-mixed-all-{scenario}-sw/"

    @lru_cache(maxsize=32)  # noqa: B019  (a source lives as long as the command)
    def table(self, name: str) -> Any:
        """Return a table."""
        raw = io.BytesIO(self._zip.read(f"{self._directory}{name}.csv"))
        return pd.read_csv(raw, sep=";", low_memory=False)


class Components:
    """Connected components of a graph, joined edge by edge."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, one: str) -> str:
        """Return the component of a bus."""
        while (above := self._parent.setdefault(one, one)) != one:
            self._parent[one] = self._parent[above]
            one = above
        return one

    def join(self, one: str, other: str) -> None:
        """Note a closed connection."""
        self._parent[self.find(one)] = self.find(other)


class Grid:
    """Nodes above the sites, and the node on which each bus hangs."""

    def __init__(self, source: Source, mv_grid: str, lv_limit: int) -> None:
        self.levels: dict[str, str] = {ROOT: "grid"}
        self.parents: dict[str, str | None] = {ROOT: None}
        self.node_of_bus: dict[str, str] = {}
        self._source = source
        buses = source.table("Node")
        self._subnet: dict[str, str] = dict(zip(buses["id"], buses["subnet"], strict=True))
        self._edges = list(_closed_edges(source))
        self._fed = self._lv_transformers()
        self.lv_grids = self._choose_lv_grids(mv_grid, lv_limit)
        self._add_substation(mv_grid)
        self._add_mv_feeders(mv_grid)
        for name in self.lv_grids:
            self._add_lv_grid(name)

    def _add(self, name: str, level: str, parent: str) -> str:
        if name not in self.levels:
            self.levels[name], self.parents[name] = level, parent
        return name

    def _add_substation(self, mv_grid: str) -> None:
        transformers = self._source.table("Transformer")
        above = transformers[transformers["subnet"] == mv_grid]["nodeHV"].iloc[-1].split()[0]
        self._add(above, "region", ROOT)
        self._add(mv_grid, "substation", above)

    def _add_mv_feeders(self, mv_grid: str) -> None:
        inside = {bus for bus, net in self._subnet.items() if net == mv_grid or net.startswith(f"{mv_grid}_")}
        busbar = {bus for bus in inside if self._subnet[bus] == mv_grid}
        components = _components(self._edges, inside - busbar)
        labels: dict[str, list[str]] = {}
        for bus in inside - busbar:
            labels.setdefault(components.find(bus), []).extend(FEEDER.findall(self._subnet[bus]))
        for bus in sorted(inside - busbar):
            printed = labels[components.find(bus)]
            if printed:
                feeder = f"{mv_grid}/{max(sorted(set(printed)), key=printed.count)}"
                self.node_of_bus[bus] = self._add(feeder, "mv_feeder", mv_grid)
        self.node_of_bus.update(dict.fromkeys(busbar, mv_grid))

    def _lv_transformers(self) -> dict[str, tuple[str, str]]:
        """LV grid -> MV bus it is fed from, LV busbar; a switch may lie between a transformer and its bus."""
        table = self._source.table("Transformer")
        beside = _closed_switches(self._source)
        found = {}
        for high, low, subnet in table[["nodeHV", "nodeLV", "subnet"]].itertuples(index=False):
            if LV_GRID.match(subnet):
                number = high.split("_")[-1]
                buses = [
                    bus for bus in beside.get(high, [high]) if high not in beside or not bus.endswith(f"_{number}")
                ]
                found[subnet] = (buses[0], beside.get(low, [low])[0])
        return found

    def _choose_lv_grids(self, mv_grid: str, limit: int) -> list[str]:
        above = {name: bus.split()[0] for name, (bus, _) in self._fed.items()}
        mine = [name for name in above if above[name] == mv_grid]
        if not mine:
            known = ", ".join(sorted(set(above.values())))
            raise GridtwinError(f"SimBench has no LV grids below {mv_grid!r}; it has some below {known}")
        mine.sort(key=lambda name: tuple(int(number) for number in re.findall(r"\d+", name)))
        return mine[:: max(1, len(mine) // limit)][:limit]

    def _add_lv_grid(self, name: str) -> None:
        fed_from, busbar = self._fed[name]
        self._add(name, "lv_grid", self.node_of_bus[fed_from])
        inside = {bus for bus, net in self._subnet.items() if net == name}
        components = _components(self._edges, inside - {busbar})
        numbers: dict[str, int] = {}
        for bus in sorted((bus for bus in inside - {busbar} if "_" not in bus.split()[-1]), key=_number):
            feeder = numbers.setdefault(components.find(bus), len(numbers) + 1)
            self.node_of_bus[bus] = self._add(f"{name}/F{feeder}", "lv_feeder", name)
        self.node_of_bus[busbar] = name

    def above(self, node: str) -> Iterator[str]:
        """Yield a node and everything above it."""
        above: str | None = node
        while above is not None:
            yield above
            above = self.parents[above]


def _number(bus: str) -> int:
    return int(bus.split()[-1])


def _closed_switches(source: Source) -> dict[str, list[str]]:
    switches = source.table("Switch")
    beside: dict[str, list[str]] = {}
    for one, other in switches[switches["cond"] == 1][["nodeA", "nodeB"]].itertuples(index=False):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    return beside


def _closed_edges(source: Source) -> Iterator[tuple[str, str]]:
    yield from source.table("Line")[["nodeA", "nodeB"]].itertuples(index=False, name=None)
    switches = source.table("Switch")
    yield from switches[switches["cond"] == 1][["nodeA", "nodeB"]].itertuples(index=False, name=None)


def _components(edges: Iterable[tuple[str, str]], inside: set[str]) -> Components:
    components = Components()
    for one, other in edges:
        if one in inside and other in inside:
            components.join(one, other)
    return components
