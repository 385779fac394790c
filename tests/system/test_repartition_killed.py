"""A copy into another number of partitions that is killed and run again ends as one that was not."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.generation import renamed
from app.kafka.admin import admin
from app.kafka.broker import LocalBroker
from app.kafka.clients import Message, partition_of
from app.topics import TELEMETRY, TOPOLOGY_NODE, TOPOLOGY_SITE
from tests.system.copies import AFTER, BEFORE, Copying

pytestmark = pytest.mark.broker

START_MS = 1_764_000_000_000
SITES = [b"site-%d" % number for number in range(1, 21)]
MOMENTS = (
    ("topics made", 1),
    ("topic of topology", 1),
    ("turn", 2),  # the first with records in it
    ("part of a turn", 2),
    ("turn", 1),
)


def readings(begin: int, end: int) -> Iterator[Message]:
    """Yield telemetry of which some comes twice, some late, and some has no key."""
    for number in range(begin, end):
        key = SITES[number % len(SITES)] if number % 100 else None
        reading = (key, b"%d" % number, (), START_MS + number * 10 - number % 7 * 1000)
        yield reading
        if number % 10 == 0:
            yield reading


def of_partition(partition: int, messages: Iterable[Message]) -> list[Message]:
    return [message for message in messages if partition_of(message[0] or b"", BEFORE) == partition]


def telling(records: Iterable[Any]) -> dict[bytes | None, list[tuple[bytes, int]]]:
    """Return what every site told, in its order."""
    told: dict[bytes | None, list[tuple[bytes, int]]] = defaultdict(list)
    for record in records:
        if record.value:
            told[record.key].append((record.value, record.timestamp))
    return told


def ticks(records: Iterable[Any]) -> dict[int, list[int]]:
    """Return when time was told, by partition."""
    told: dict[int, list[int]] = defaultdict(list)
    for record in records:
        if not record.value:
            told[record.partition].append(record.timestamp)
    return told


def latest(records: Iterable[Any]) -> dict[bytes, bytes | None]:
    return {record.key: record.value for record in records}


@pytest.fixture(scope="module")
def address(module_broker: LocalBroker) -> str:
    running = module_broker.running()
    assert running is not None
    return running.address


def test_a_copy_that_was_killed_at_any_moment_holds_everything_once_and_in_order(address: str, tmp_path: Path) -> None:
    copying = Copying(address, tmp_path, 1)
    nodes, sites = [(name, name, (), None) for name in (b"street-1", b"street-2")], [(s, s, (), None) for s in SITES]
    copying.write(TOPOLOGY_NODE, 1, nodes)
    copying.write(TOPOLOGY_SITE, BEFORE, sites)
    copying.write(TELEMETRY, BEFORE, readings(0, 30_000))
    for place, times in MOMENTS:
        copying.die(place, times)
    copying.kill()
    copying.copy()
    copying.write(TELEMETRY, BEFORE, of_partition(1, readings(60_000, 60_200)))
    copying.die("turn", 2)  # at the end of what there is, before records that would have come first
    copying.write(TELEMETRY, BEFORE, of_partition(0, readings(30_000, 50_000)))
    copying.write(TOPOLOGY_SITE, BEFORE, [(SITES[0], None, (), None)])
    finished = copying.copy("--finish")
    before, after = copying.before(), copying.after()

    assert "finished" in finished
    assert telling(after) == telling(before)
    assert {one.partition for one in after if one.key and one.partition != partition_of(one.key, AFTER)} == set()
    assert ticks(after)[0] == ticks(after)[1] == ticks(after)[2] == sorted(set(ticks(after)[0]))
    assert latest(copying.after(TOPOLOGY_SITE)) == latest(copying.before(TOPOLOGY_SITE))
    assert len(copying.after(TOPOLOGY_SITE)) == len(copying.before(TOPOLOGY_SITE))
    assert [one.value for one in copying.after(TOPOLOGY_NODE)] == [b"street-1", b"street-2"]


def test_a_run_that_was_killed_when_it_had_all_but_finished_goes_on(address: str, tmp_path: Path) -> None:
    copying = Copying(address, tmp_path, 11, VPP_TELEMETRY_TIMESTAMPS="append")
    telemetry = renamed(TELEMETRY, 11)
    copying.write(telemetry, BEFORE, readings(0, 20))
    copying.die("clock of the topic", 1, "--finish")
    copying.write(telemetry, BEFORE, readings(20, 40))
    finished = copying.copy("--finish")
    refused = copying.copy(code=1)

    assert "finished; start workers" in finished
    assert telling(copying.after()) == telling(copying.before())
    assert "go on with VPP_GENERATION=12 if a run said `finished`" in refused


def test_a_copy_whose_topics_hold_less_or_more_than_it_wrote_is_refused(address: str, tmp_path: Path) -> None:
    copying = Copying(address, tmp_path, 21)
    telemetry, copied = renamed(TELEMETRY, 21), renamed(TELEMETRY, 22)
    copying.write(telemetry, BEFORE, readings(0, 20))
    copying.copy()
    copying.write(copied, AFTER, readings(0, 1))
    more = copying.copy(code=1)
    asyncio.run(delete(address, copied))
    less = copying.copy(code=1)
    copying.file.delete()
    copying.copy()

    assert f"{copied} holds what this copy did not write" in more
    assert f"{copied} holds less than was copied" in less
    assert all(f"delete the topics vpp-g22* and {copying.file.path} to begin again" in said for said in (more, less))
    assert telling(copying.after()) == telling(copying.before())


async def delete(broker: str, topic: str) -> None:
    async with admin(broker) as client:
        await client.delete_topics([topic])
