"""A broker with the topics and the topology of a fleet, and its telemetry on the way into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from app import topics
from app.cli.environment import environment_of
from app.kafka.admin import create_topics
from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, Message
from app.kafka.topology_writer import Change, write_topology
from app.settings import Settings
from app.topics import all_topics
from benchmarks.fleet import Fleet, Record
from benchmarks.worlds import running

CHUNK = 100_000


def environ_of_fleet(fleet: Fleet, address: str, **changes: str) -> dict[str, str]:
    """Return the settings of its workers; the shipped ones but for what makes the fleet what it is."""
    return {**environment_of(fleet.meta), "VPP_BROKER": address, **changes}


@contextmanager
def broker_of(fleet: Fleet, directory: Path, more: Iterable[Change] = (), **changes: str) -> Iterator[str]:
    """Run a broker that holds the topics and the topology of a fleet, and *more* sites; give its address."""
    with running(LocalBroker(directory / "broker")) as address:
        asyncio.run(_prepare(fleet, address, more, changes))
        yield address


async def _prepare(fleet: Fleet, address: str, more: Iterable[Change], changes: dict[str, str]) -> None:
    settings = Settings.load(environ_of_fleet(fleet, address, **changes))
    await create_topics(address, all_topics(fleet.levels, settings))
    async with BatchPublisher(address) as publisher:
        await write_topology(publisher, chain(fleet.topology(), more), fleet.partitions)


def load(address: str, records: Iterable[Record]) -> None:
    """Publish telemetry in the order in which it arrives, as fast as it goes."""
    asyncio.run(_load(address, iter(records)))


async def _load(address: str, records: Iterator[Record]) -> None:
    async with BatchPublisher(address) as publisher:
        while chunk := list(islice(records, CHUNK)):
            homes: dict[int, list[Message]] = {}
            for at_ms, home, key, value in chunk:
                homes.setdefault(home, []).append((key, value, (), at_ms))
            for home, messages in homes.items():
                await publisher.publish(topics.TELEMETRY, home, messages)
