"""Datasets built by hand or by chance, for tests: their truth comes from the simulation's oracle."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation.oracle import Reading, window_truth

Rows = Iterator[tuple[Any, ...]]
HEAD = "readings,sum_w,mean_power_w,energy_import_j,energy_export_j,devices_expected,devices_reporting,covered_device_s"


class Spoken(NamedTuple):
    """A reading, and when it arrives."""

    site: str
    device: str
    at_ms: int
    power_w: int
    arrived_ms: int
    soc_wh: int | None = None


class World:
    """Nodes, sites and what they say; plain files come out of it, as somebody without this project would write them."""

    def __init__(self, *, start_ms: int, end_ms: int, window_s: int = 60, **meta: int) -> None:
        self.start_ms, self.end_ms, self.window_s, self.meta = start_ms, end_ms, window_s, meta
        self.nodes: dict[str, dict[str, Any]] = {}
        self.sites: dict[str, dict[str, Any]] = {}
        self.said: list[Spoken] = []

    def node(self, name: str, level: str, *parents: str, hierarchy: str = "grid") -> str:
        self.nodes[name] = {"level": level, "hierarchy": hierarchy, "parents": [edge(one) for one in parents]}
        return name

    def site(self, name: str, *parents: str | dict[str, Any], **devices: dict[str, Any]) -> str:
        edges = [edge(one) if isinstance(one, str) else one for one in parents]
        self.sites[name] = {"parents": edges, "devices": {f"{name}/{one}": devices[one] for one in devices}}
        return name

    def say(
        self, site: str, device: str, at_ms: int, power_w: int, *, after_ms: int = 500, soc: int | None = None
    ) -> None:
        self.said.append(Spoken(site, f"{site}/{device}", at_ms, power_w, at_ms + after_ms, soc))

    def write(self, directory: Path, *, packed: bool = False) -> Path:
        """Write the dataset; *packed* puts what a site says at one time into one array."""
        directory.mkdir()
        truth, soc_truth = list(self.truth()), list(self.soc_truth())
        lines = list(self._packed() if packed else self._lines())
        _write(directory / "topology.jsonl", self._members())
        _write(directory / "telemetry.jsonl", lines)
        _table(directory / "truth.csv", f"window_start_ms,node,kind,{HEAD},expected_device_s", truth)
        _table(directory / "soc_truth.csv", "window_start_ms,site,device,state_of_charge_wh", soc_truth)
        levels = sorted({node["level"] for node in self.nodes.values()})
        meta = {"name": "a world", "window_s": self.window_s, "start_ms": self.start_ms, "end_ms": self.end_ms,
                "tick_s": max(1, self.window_s // 4), "levels": levels, "sites": len(self.sites),
                "devices": sum(len(site["devices"]) for site in self.sites.values()),
                "readings": len(self.said), "records": len(lines), "truth_rows": len(truth),
                "soc_truth_rows": len(soc_truth), "partitions": 3, **self.meta}  # fmt: skip
        (directory / "dataset.json").write_text(json.dumps({"schema": 1, **meta}))
        return directory

    def windows(self) -> Iterator[int]:
        step_ms = self.window_s * 1000
        yield from range(self.start_ms // step_ms * step_ms, self.end_ms, step_ms)

    def truth(self) -> Rows:
        for start_ms in self.windows():
            for found in self._of_window(start_ms):
                for name, one in found.items():
                    kinds = {kind: numbers for kind, numbers in one["kinds"].items() if any(numbers)}
                    if kinds:
                        kinds["all"] = [sum(column) for column in zip(*kinds.values(), strict=True)]
                    yield from ((start_ms, name, kind, *numbers) for kind, numbers in kinds.items())

    def soc_truth(self) -> Rows:
        for start_ms in self.windows():
            for site, one in self._of_window(start_ms)[1].items():
                yield from ((start_ms, site, device, soc) for device, soc in one["soc"].items())

    def _of_window(self, start_ms: int) -> tuple[dict[str, Any], dict[str, Any]]:
        rules = {"window": self.window_s * 1000}
        return window_truth([_Accepted(self)], {"nodes": self.nodes, "sites": self.sites}, rules, start_ms)

    def _members(self) -> Iterator[dict[str, Any]]:
        for name, node in self.nodes.items():
            yield {"type": "node", "id": name, **node, "parents": [_published(one) for one in node["parents"]]}
        for name, site in self.sites.items():
            devices = [{"device": one, **_device(site["devices"][one])} for one in site["devices"]]
            yield {"type": "site", "id": name, "parents": list(map(_published, site["parents"])), "devices": devices}

    def _lines(self) -> Iterator[dict[str, Any]]:
        for one in sorted(self.said, key=lambda one: one.arrived_ms):
            yield {"site": one.site, "arrived_at_ms": one.arrived_ms, "value": _value(one)}

    def _packed(self) -> Iterator[dict[str, Any]]:
        uploads: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for one in self.said:
            uploads.setdefault((one.arrived_ms // 60_000, one.site), []).append(_value(one))
        for (minute, site), values in sorted(uploads.items()):
            yield {"site": site, "arrived_at_ms": (minute + 1) * 60_000, "value": values}


class _Accepted:
    """What the oracle wants of a partition: here all sites are in one, and everything said is accepted."""

    def __init__(self, world: World) -> None:
        self.sites = world.sites
        self.accepted = {
            (one.site, one.device, one.at_ms): Reading(one.site, one.device, one.at_ms, one.power_w, one.soc_wh, 0)
            for one in world.said
        }

    def speaks_of(self, _: int) -> bool:
        return True


def edge(node: str, from_ms: int = 0, to_ms: int | None = None) -> dict[str, Any]:
    return {"node": node, "from": from_ms, "to": to_ms}


def device(kind: str = "load", *, interval_s: int = 10, rated_w: int = 1000, capacity_wh: int | None = None,
           from_ms: int = 0, to_ms: int | None = None) -> dict[str, Any]:  # fmt: skip
    return {"kind": kind, "interval": interval_s, "rated": rated_w, "capacity": capacity_wh, "from": from_ms,
            "to": to_ms}  # fmt: skip


def say_everything(world: World, chance: random.Random, *, gaps: float = 0.0) -> None:
    """Let every device report at its interval, with a phase of its own, while it is valid."""
    for site, record in world.sites.items():
        for name, one in record["devices"].items():
            step_ms = one["interval"] * 1000
            low_ms = max(world.start_ms, one["from"])
            first_ms = low_ms + chance.randrange(min(step_ms, 600_000))
            for at_ms in range(first_ms, min(world.end_ms, one["to"] or world.end_ms), step_ms):
                if chance.random() >= gaps:
                    soc = chance.randrange(one["capacity"]) if one["capacity"] else None
                    world.say(site, name.removeprefix(f"{site}/"), at_ms, chance.randint(-one["rated"], one["rated"]),
                              after_ms=chance.randrange(100, 5000), soc=soc)  # fmt: skip


def _published(one: dict[str, Any]) -> dict[str, Any]:
    return {"node": one["node"], "valid_from_ms": one["from"], "valid_to_ms": one["to"]}


def _device(one: dict[str, Any]) -> dict[str, Any]:
    capacity = {"usable_capacity_wh": one["capacity"]} if one["capacity"] else {}
    return {"kind": one["kind"], "rated_power_w": one["rated"], "reporting_interval_s": one["interval"],
            "valid_from_ms": one["from"], "valid_to_ms": one["to"], **capacity}  # fmt: skip


def _value(one: Spoken) -> dict[str, Any]:
    soc = {"state_of_charge_wh": one.soc_wh} if one.soc_wh is not None else {}
    return {"device": one.device, "measured_at_ms": one.at_ms, "active_power_w": one.power_w, **soc}


def _write(path: Path, lines: Any) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def _table(path: Path, heading: str, rows: list[tuple[Any, ...]]) -> None:
    lines = [",".join(map(_quoted, row)) for row in rows]
    path.write_text("\n".join([heading, *lines]) + "\n", "utf-8", newline="")


def _quoted(value: Any) -> str:
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)
