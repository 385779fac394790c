"""Another number of partitions: a copy into topics of the next generation, with the same rows at every level."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from app.errors import GridtwinError
from app.generation import renamed
from app.kafka.admin import describe_topics
from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, partition_of
from app.kafka.repartition import Repartition
from app.settings import Settings
from app.topics import AGGREGATE_SITE, TELEMETRY, TopicSpec, level_topic
from tests.system.offsets import until_idle
from tests.system.plant import ROLES, Plant, small_dataset
from tests.system.wire import Record, a_reading, everything_in, home_of, publish

pytestmark = pytest.mark.broker

BEFORE, AFTER = 4, 6
NEXT = {"VPP_GENERATION": "2", "VPP_PARTITIONS": str(AFTER)}
VERSIONS = ("revision", "waiting_for")
"""What counts records of the topics before: the only fields that may differ."""


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("repartition")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", minutes=8), partitions=BEFORE,
                  grace_s=120, topology_wait_s=1)  # fmt: skip
    plant.make_topics()
    yield plant
    plant.end()


def gridtwin(plant: Plant, *command: str, code: int = 0, **changes: str) -> str:
    """Run a command in the directory of the copy."""
    environ = {**os.environ, **plant.environ, "VPP_DATA_DIR": str(plant.directory / "copy"), **changes}
    done = subprocess.run([sys.executable, "-m", "app", *command], env=environ, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def repartition(plant: Plant, *more: str, code: int = 0) -> str:
    levels = ["--dataset", str(plant.dataset.directory)]
    return gridtwin(plant, "topics", "repartition", *levels, "--partitions", str(AFTER), *more, code=code)


def rows(plant: Plant, generation: int) -> dict[tuple[str, bytes], dict[str, Any]]:
    """Return the last row of every window, by topic of the first generation and key."""
    found = {}
    for topic in (AGGREGATE_SITE, *map(level_topic, plant.dataset.meta.levels)):
        for record in everything_in(plant, renamed(topic, generation)):
            row = msgspec.json.decode(record.value)
            if "window_start_ms" in row:
                found[topic, record.key] = {name: value for name, value in row.items() if name not in VERSIONS}
    return found


def a_stray(plant: Plant) -> Record:
    """Return a reading that was rejected for its partition, and would count in its right one."""
    site = next(member for member in plant.dataset.topology() if member.type == "site")
    key, at_ms = site.id.encode(), plant.at_ms
    elsewhere = (home_of(plant, key) + 1) % BEFORE
    return Record(key, a_reading(site.devices[0].device, at_ms - 500, 7), at_ms, elsewhere)


def test_every_row_is_the_same_with_another_number_of_partitions(plant: Plant) -> None:
    plant.start(*ROLES)
    plant.replay(4)
    publish(plant, [a_stray(plant)])
    first = repartition(plant)
    again = repartition(plant)
    plant.replay()
    until_idle(plant)
    plant.assert_exact()
    with pytest.raises(GridtwinError, match="still grows: stop gateways"):
        asyncio.run(in_process(plant)._finish())
    last = repartition(plant, "--finish")
    plant.end()
    for role in ROLES:
        plant.workers[f"{role}-next"] = plant.worker(role)
        del plant.workers[role]
        plant.worker(f"{role}-next").environ |= NEXT
    plant.start(*(f"{role}-next" for role in ROLES))
    verified = gridtwin(plant, "verify", str(plant.dataset.directory), **NEXT)

    total = plant.dataset.meta.truth_rows
    assert f"{total} of {total} rows equal and final" in verified
    assert rows(plant, 2) == rows(plant, 1)
    assert ", 1 left out" in first
    assert " 0 records copied" in again
    assert "finished; start workers, query and gateways with VPP_GENERATION=2 VPP_PARTITIONS=6" in last


def test_every_record_lies_where_its_key_belongs_with_its_own_timestamp(plant: Plant) -> None:
    def records(topic: str, partitions: int) -> set[tuple[bytes, bytes, int]]:
        return {(one.key, one.value, one.timestamp) for one in everything_in(plant, topic)
                if one.key and one.partition == partition_of(one.key, partitions)}  # fmt: skip

    copied = everything_in(plant, renamed(TELEMETRY, 2))

    assert {one.partition for one in copied} == set(range(AFTER))
    assert records(renamed(TELEMETRY, 2), AFTER) == records(TELEMETRY, BEFORE)
    assert [one for one in copied if one.key and one.partition != partition_of(one.key, AFTER)] == []


def test_workers_of_the_old_generation_do_not_read_the_new_ones_state(plant: Plant) -> None:
    wrong = gridtwin(plant, "topics", "describe", "--levels", plant.dataset.meta.levels[0], VPP_GENERATION="2", code=1)

    assert "partitions 6, needed 4" in wrong


def test_what_was_finished_is_not_begun_again(plant: Plant) -> None:
    refused = repartition(plant, "--finish", code=1)

    assert "does not say how far a copy came" in refused


def test_a_topic_stamped_by_the_broker_is_copied_with_its_stamps_and_then_stamped_by_the_broker(plant: Plant) -> None:
    append = {"VPP_TELEMETRY_TIMESTAMPS": "append", "VPP_GENERATION": "5", "VPP_TICK_S": "1"}
    levels = ["--levels", plant.dataset.meta.levels[0]]
    gridtwin(plant, "topics", "create", *levels, **append)
    before, after = (renamed(TELEMETRY, generation) for generation in (5, 6))
    asyncio.run(write(plant, before, b"site-1", b"one"))
    command = ("topics", "repartition", *levels, "--partitions", "3")
    gridtwin(plant, *command, **append)
    asyncio.run(write(plant, before, b"site-1", b"two"))
    gridtwin(plant, *command, "--finish", **append)

    assert stamps(plant, after) == stamps(plant, before)
    assert len(stamps(plant, after)) == 2
    assert "ok" in gridtwin(
        plant, "topics", "describe", *levels, **append | {"VPP_GENERATION": "6", "VPP_PARTITIONS": "3"}
    )


async def write(plant: Plant, topic: str, key: bytes, value: bytes) -> None:
    async with BatchPublisher(plant.settings.broker) as publisher:
        await publisher.publish(topic, partition_of(key, BEFORE), [(key, value, (), None)])


def stamps(plant: Plant, topic: str) -> list[tuple[bytes, int]]:
    return [(one.value, one.timestamp) for one in everything_in(plant, topic) if one.key]


def in_process(plant: Plant) -> Repartition:
    settings = Settings.load({**plant.environ, "VPP_DATA_DIR": str(plant.directory / "copy")})
    return Repartition(settings, plant.dataset.meta.levels, AFTER)


def test_the_copy_has_the_settings_of_any_other_topic(plant: Plant) -> None:
    specs = [TopicSpec(name, 0, 0, {}) for name in (TELEMETRY, renamed(TELEMETRY, 2))]
    seen = asyncio.run(describe_topics(plant.settings.broker, specs))
    before, after = (seen[spec.name].config for spec in specs)

    assert after == before
