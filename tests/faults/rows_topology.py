"""Rows in which the topology changes under load, effective in the past, now and later."""

from __future__ import annotations

import asyncio
from typing import Any

from app.kafka.clients import BatchPublisher
from app.kafka.topology_writer import write_topology
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial
from tests.simulation.edits import join_or_leave, move
from tests.simulation.world import node_record, site_record

PAST_MS, FUTURE_MS = 8 * 60_000, 3 * 60_000
AT_ONCE = 5
MOVES_PER_KILL = 40
SETTLE_S = 5.0


def moves(trial: Trial, count: int) -> None:
    """Move sites, feeders and members of groups, add and retire devices; kill a worker every now and then."""
    while trial.faults < count:
        with trial.fault("moves", count=AT_ONCE, is_timed=False):
            asyncio.run(_apply(trial, [_edit(trial) for _ in range(AT_ONCE)]))
            if trial.faults % MOVES_PER_KILL == 0:
                trial.kill(trial.chance.choice(trial.layout.names), wipe=trial.chance.random() < 0.5)
        trial.wait(trial.chance.uniform(0.05, 0.3))
    trial.wait(SETTLE_S)


async def _apply(trial: Trial, changes: list[tuple[str, bool, Any]]) -> None:
    async with BatchPublisher(trial.plant.settings.broker) as publisher:
        await write_topology(publisher, changes, trial.plant.settings.partitions)


def _edit(trial: Trial) -> tuple[str, bool, Any]:
    """Change the topology at one place; return id, whether it is a node, and the record to write."""
    chance, topology = trial.chance, trial.topology
    effect_ms = trial.load.at_ms + chance.randrange(-PAST_MS, FUTURE_MS)
    if chance.random() < 0.1:
        name = chance.choice(_of_level(topology, "feeder"))
        node = topology["nodes"][name]
        move(node["parents"], chance.choice(_of_level(topology, "substation")), effect_ms)
        return name, True, node_record(node)
    name = chance.choice(sorted(topology["sites"]))
    _edit_site(trial, topology["sites"][name], effect_ms)
    return name, False, site_record(topology["sites"][name])


def _edit_site(trial: Trial, site: dict[str, Any], effect_ms: int) -> None:
    chance = trial.chance
    roll = chance.random()
    if roll < 0.5:
        move(site["parents"], chance.choice(_of_level(trial.topology, "feeder")), effect_ms)
    elif roll < 0.75:
        join_or_leave(site["parents"], chance.choice(_of_level(trial.topology, "group")), effect_ms)
    elif roll < 0.9:
        device = site["devices"][chance.choice(sorted(site["devices"]))]
        device["to"] = max(effect_ms, device["from"] + 1) if device["to"] is None else None
    else:
        like = site["devices"][chance.choice(sorted(site["devices"]))]
        site["devices"][f"new device {trial.faults}/{chance.randrange(1 << 30)}"] = {
            **like,
            "from": effect_ms,
            "to": None,
        }


def _of_level(topology: dict[str, Any], level: str) -> list[str]:
    return sorted(name for name, node in topology["nodes"].items() if node["level"] == level)


ROWS = {
    "F24": Row("moves under load, a kill every 40", moves, Layout(settings={"topology_wait_s": 1}), 1_000, 1_000, 250),
}  # fmt: skip
