"""More ways in which a topology changes: devices added, sites and nodes that leave, second parents, many moves."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

Topology = dict[str, Any]
FEEDERS = ("f1", "f2", "f3", "deep", "top")
ABOVE = {"f1": ("top", "top2"), "f2": ("top", "top2"), "f3": ("top", "top2"), "deep": ("f2", "f3")}


class Late(NamedTuple):
    """A device that a site gains, and when that becomes known; it reports once everybody knows."""

    site: str
    device: str
    spec: dict[str, Any]
    known_ms: int


def edge_to(node: str, from_ms: int) -> dict[str, Any]:
    return {"node": node, "from": from_ms, "to": None}


def grid_edges(parents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the edges in hierarchies other than the groups."""
    return [edge for edge in parents if not edge["node"].startswith("g")]


def leave(parents: list[dict[str, Any]], effect_ms: int) -> int:
    """End what is open, and return from when on nothing is."""
    mine = grid_edges(parents)
    effect_ms = max([effect_ms, *(edge["from"] + 1 for edge in mine)])
    for edge in mine:
        edge["to"] = effect_ms if edge["to"] is None else edge["to"]
    return effect_ms


def move(parents: list[dict[str, Any]], node: str, effect_ms: int) -> None:
    """Leave and begin anew; never a second parent at one time."""
    parents.append(edge_to(node, leave(parents, effect_ms)))


def join_or_leave(parents: list[dict[str, Any]], group: str, effect_ms: int) -> None:
    held = [edge for edge in parents if edge["node"] == group and edge["to"] is None]
    if held:
        held[0]["to"] = max(effect_ms, held[0]["from"] + 1)
    else:
        ends = (edge["to"] for edge in parents if edge["node"] == group)
        parents.append(edge_to(group, max([effect_ms, *ends])))


def retire_or_bring_back(site: dict[str, Any], device: dict[str, Any], effect_ms: int, earliest_ms: int) -> None:
    """The device by which silence is judged stays: when a change is known is not the same for every worker."""
    if device is keeper(site):
        return
    if device["to"] is None:
        device["to"] = max(effect_ms, device["from"] + 1)
    elif device["to"] > earliest_ms:
        device["to"] = None


def keeper(site: dict[str, Any]) -> dict[str, Any] | None:
    """Return the device that reports most often, of a site that has or will have others."""
    devices = sorted(site["devices"].items())
    return min(devices, key=lambda one: one[1]["interval"])[1] if len(devices) > 1 or site.get("grows") else None


def add_device(site: dict[str, Any], late: Late) -> None:
    site["devices"][late.device] = dict(late.spec)


def second_parent(parents: list[dict[str, Any]], node: str, effect_ms: int) -> None:
    """Begin another edge without ending the one before: the older one holds, as long as it does."""
    if all(edge["node"] != node for edge in parents):
        parents.append(edge_to(node, max(effect_ms, 1)))


Edit = Callable[[random.Random, Topology, int], tuple[str, str]]
"""Changes something from a time on and returns `node` or `site`, and its id."""


def _site(chance: random.Random, topology: Topology) -> tuple[str, dict[str, Any]]:
    name = chance.choice(sorted(topology["sites"]))
    return name, topology["sites"][name]


def _site_leaves(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name, site = _site(chance, topology)
    leave(site["parents"], effect_ms)
    return "site", name


def _node_leaves(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name = chance.choice(sorted(ABOVE))
    leave(topology["nodes"][name]["parents"], effect_ms)
    return "node", name


def _site_has_two(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name, site = _site(chance, topology)
    second_parent(site["parents"], chance.choice(FEEDERS), effect_ms)
    return "site", name


def _node_has_two(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name = chance.choice(sorted(ABOVE))
    second_parent(topology["nodes"][name]["parents"], chance.choice(ABOVE[name]), effect_ms)
    return "node", name


def _site_moves(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name, site = _site(chance, topology)
    move(site["parents"], chance.choice(FEEDERS), effect_ms)
    return "site", name


def _node_moves(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name = chance.choice(sorted(ABOVE))
    move(topology["nodes"][name]["parents"], chance.choice(ABOVE[name]), effect_ms)
    return "node", name


def _group_changes(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name, site = _site(chance, topology)
    join_or_leave(site["parents"], chance.choice(("g1", "g2")), effect_ms)
    return "site", name


def _device_changes(chance: random.Random, topology: Topology, effect_ms: int) -> tuple[str, str]:
    name, site = _site(chance, topology)
    device = chance.choice(sorted(site["devices"].values(), key=str))
    retire_or_bring_back(site, device, effect_ms, effect_ms)
    return "site", name


RARE: tuple[Edit, ...] = (_site_leaves, _node_leaves, _site_has_two, _node_has_two)
EVERY: tuple[Edit, ...] = (*RARE, *[_site_moves] * 4, _node_moves, _node_moves, _group_changes, _group_changes,
                           _device_changes)  # fmt: skip
