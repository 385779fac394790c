"""How far the roles of a plant are: what their groups committed against where their sources end."""

from __future__ import annotations

import asyncio

from app.kafka.admin import admin
from app.topics import CONTRIBUTED, TELEMETRY
from tests.system.plant import Plant, until
from tests.system.wire import ends_of

SOURCES = {"twin": TELEMETRY, "rollup": CONTRIBUTED}


def committed(plant: Plant, role: str) -> int:
    """Return the sum of the offsets that a role's group committed for its source."""

    async def read() -> int:
        async with admin(plant.settings.broker) as client:
            offsets = await client.list_consumer_group_offsets(f"vpp-{role}")
            return sum(max(0, held.offset) for tp, held in offsets.items() if tp.topic == SOURCES[role])

    return asyncio.run(read())


def end(plant: Plant, role: str) -> int:
    """Return the sum of the offsets at which a role's source ends."""
    return sum(ends_of(plant, SOURCES[role])[0].values())


def until_idle(plant: Plant) -> None:
    """Wait until both roles have read, remembered and committed everything."""
    for role in SOURCES:
        until(lambda role=role: committed(plant, role) == end(plant, role), f"{role} to be idle")  # type: ignore[misc]
