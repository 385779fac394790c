"""Topics that are missing, of another shape or made again: a worker stops with the remedy, it never skips."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from app.errors import GridtwinError
from app.kafka.admin import admin, topic_names
from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, end_offsets
from app.topics import CONTRIBUTED, NODE_CHANGELOG, TELEMETRY, TWIN_CHANGELOG
from tests.system.offsets import until_idle
from tests.system.plant import ROLES, Plant, small_dataset, until

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def bare(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a plant for workers that refuse to start."""
    directory = tmp_path_factory.mktemp("bare")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", minutes=1))
    yield plant
    plant.end()


@pytest.fixture
def plant(new_broker: LocalBroker, tmp_path: Path) -> Iterator[Plant]:
    """Give a plant in the middle of its dataset; both roles have read, and remembered, everything."""
    plant = Plant(tmp_path, new_broker, small_dataset(tmp_path / "dataset", minutes=6))
    plant.make_topics()
    with plant.running(*ROLES):
        plant.replay(4)
        until_idle(plant)
        yield plant


def delete(plant: Plant, *names: str) -> None:
    """Delete those of some topics that exist, and wait until they are gone."""

    async def send() -> None:
        async with admin(plant.settings.broker) as client:
            await client.delete_topics([name for name in names if name in await client.list_topics()])

    asyncio.run(send())
    until(lambda: not asyncio.run(topic_names(plant.settings.broker)) & set(names), "topics to go")


def make_again(plant: Plant, *names: str) -> None:
    """Delete topics and make them as they were."""
    delete(plant, *names)
    assert set(plant.make_topics()) == set(names)


def end_of(plant: Plant, name: str, *, after: int = 0) -> str:
    """Wait until a worker ended by itself and return what it wrote from a place on."""
    worker = plant.worker(name)
    until(lambda: worker.exit_code is not None, f"{name} to stop")
    assert worker.exit_code == 1
    return plant.log_of(name)[after:]


def test_without_topics_a_worker_says_how_to_make_them(bare: Plant) -> None:
    for role in ROLES:
        bare.worker(role).start()
    said = [end_of(bare, role) for role in ROLES]

    assert all("gridtwin topics create" in one for one in said)
    assert all(f"{TELEMETRY} does not exist" in one for one in said)
    assert not any("Traceback" in one for one in said)


def test_other_partitions_than_the_topics_have_are_refused_and_change_nothing(
    bare: Plant, module_broker: LocalBroker, tmp_path: Path
) -> None:
    bare.make_topics()
    other = Plant(tmp_path / "other", module_broker, bare.dataset, partitions=2)
    before = asyncio.run(topic_names(bare.settings.broker))

    with pytest.raises(GridtwinError, match="nothing was changed") as refused:
        other.make_topics("one_more")
    for role in ROLES:
        other.worker(role).start()
    said = [end_of(other, role) for role in ROLES]

    assert f"{TELEMETRY}: partitions 4, needed 2" in str(refused.value)
    assert asyncio.run(topic_names(bare.settings.broker)) == before
    assert all(f"{TELEMETRY}: partitions 4, needed 2" in one for one in said)


def start_again(plant: Plant) -> list[str]:
    """Kill both workers, start them, and return what they say until they stop by themselves."""
    before = {role: len(plant.log_of(role)) for role in ROLES}
    for role in ROLES:
        plant.worker(role).kill()
        plant.worker(role).start()
    return [end_of(plant, role, after=before[role]) for role in ROLES]


def test_a_source_made_again_stops_the_worker_that_reads_it(plant: Plant) -> None:
    make_again(plant, TELEMETRY)
    plant.at_ms = plant.dataset.meta.start_ms
    with plant.replaying(2):
        said = end_of(plant, "twin")

    assert "made again" in said or "were deleted" in said


def test_sources_made_again_while_workers_were_down_stop_them_at_the_start(plant: Plant) -> None:
    plant.end()
    make_again(plant, TELEMETRY, CONTRIBUTED)
    said = start_again(plant)

    assert all("made again" in one and "reset the state" in one for one in said)


async def grow(plant: Plant, topics: Iterable[str], records: int) -> None:
    """Publish what may not be read to every partition of topics."""
    async with BatchPublisher(plant.settings.broker) as publisher:
        for topic in topics:
            for partition in range(plant.settings.partitions):
                await publisher.publish(topic, partition, [(b"", b"", (), None)] * records)


def test_sources_made_again_that_have_grown_past_what_was_folded_stop_workers_at_the_start(plant: Plant) -> None:
    plant.end()
    folded = [asyncio.run(end_offsets(plant.settings.broker, one)) for one in (TELEMETRY, CONTRIBUTED)]
    make_again(plant, TELEMETRY, CONTRIBUTED)
    asyncio.run(grow(plant, (TELEMETRY, CONTRIBUTED), 2 * max(end for ends in folded for end in ends.values())))
    said = start_again(plant)

    assert all("but the state was made from" in one and "reset the state" in one for one in said)


def test_changelogs_made_again_stop_the_workers_that_write_them(plant: Plant) -> None:
    make_again(plant, TWIN_CHANGELOG, NODE_CHANGELOG)
    with plant.replaying(1):
        running = [end_of(plant, role) for role in ROLES]
    started = start_again(plant)

    assert all("made again" in one and "reset" in one for one in running + started)
