"""The worlds that a benchmark drains: made once, and loaded once into a broker whose data is copied for every run."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from app.cli.environment import environment_of
from app.dataset.format import Dataset
from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from app.kafka.admin import create_topics
from app.kafka.broker import LocalBroker
from app.kafka.clients import partition_of
from app.replay.disturb import Shares
from app.replay.publish import Replay
from app.settings import Settings
from app.topics import all_topics

CACHE = Path(".gridtwin", "bench")
START_MS = 1_764_000_000_000
FANOUT = (25, 20, 25, 1_000_000)
"""Sites of a feeder, feeders of a substation, substations of a region; one grid above all."""


class AnyWorld(Protocol):
    """What a benchmark drains: a dataset with a name under which it is kept, and a sentence that tells it."""

    @property
    def name(self) -> str: ...

    @property
    def described(self) -> str: ...

    def dataset(self) -> Dataset: ...


class World(msgspec.Struct, frozen=True):
    """The shape of a dataset; its name says what it is."""

    sites: int
    duration_s: int
    interval_s: int = 15
    window_s: int = 60
    seed: int = 1
    kind: str = "load"
    """A load's power varies by chance, its state seldom changes; a meter changes its state at every other reading."""

    @property
    def name(self) -> str:
        return "w3-" + "-".join(str(getattr(self, field)) for field in self.__struct_fields__)

    @property
    def described(self) -> str:
        return (
            f"{self.sites:,} sites of one {self.kind}, a reading per {self.interval_s} s for {self.duration_s} s, "
            f"windows of {self.window_s} s, seed {self.seed}"
        )

    def dataset(self) -> Dataset:
        """Return the dataset, made if it is not there."""
        directory = CACHE / self.name
        if not directory.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            shape = Shape(
                sites=self.sites,
                fanout=FANOUT,
                kinds=(self.kind,),
                intervals_s=(self.interval_s,),
                window_s=self.window_s,
                seed=self.seed,
                start_ms=START_MS,
                end_ms=START_MS + 1000 * self.duration_s,
            )
            generate(directory, shape)
        return Dataset(directory)


def environ_of(dataset: Dataset, directory: Path, address: str) -> dict[str, str]:
    """Return the settings of the workers: those of the dataset, the shipped ones otherwise."""
    return {**environment_of(dataset.meta), "VPP_BROKER": address, "VPP_DATA_DIR": str(directory)}


@contextmanager
def loaded_broker(world: AnyWorld, directory: Path) -> Iterator[str]:
    """Run a broker that holds the telemetry and topology of a world and nothing else; give its address."""
    held = CACHE / f"{world.name}-loaded-{_layout(world)}"
    if not held.exists():
        _load_once(world, held)
    shutil.copytree(held, directory / "broker")
    with running(LocalBroker(directory / "broker")) as address:
        yield address


def _layout(world: AnyWorld) -> str:
    """Return a word for the topics that it needs: data loaded into other ones is of no use."""
    dataset = world.dataset()
    wanted = all_topics(dataset.meta.levels, Settings.load(environment_of(dataset.meta)))
    return f"{zlib.crc32(msgspec.json.encode(wanted)):08x}"


@contextmanager
def running(broker: LocalBroker) -> Iterator[str]:
    """Start a broker, and stop it whatever happens."""
    address = broker.start()
    try:
        yield address
    finally:
        broker.stop()


def _load_once(world: AnyWorld, held: Path) -> None:
    partial = held.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    dataset = world.dataset()
    with running(LocalBroker(partial)) as address:
        load(dataset, Settings.load(environ_of(dataset, partial / "replay", address)))
    shutil.rmtree(partial / "replay", ignore_errors=True)
    partial.rename(held)


def load(dataset: Dataset, settings: Settings) -> None:
    """Make the topics and publish everything."""
    asyncio.run(create_topics(settings.broker, all_topics(dataset.meta.levels, settings)))
    replay = Replay(dataset, settings, shares=Shares(), seed=1)
    began_s = time.monotonic()
    asyncio.run(
        replay.run(speed=0.0, over_s=None, start_at_ms=None, until_ms=None, resume=False, progress=lambda *_: None)
    )
    print(f"loaded in {time.monotonic() - began_s:.0f} s", file=sys.stderr)


def topology_for_peers(dataset: Dataset) -> dict[str, Any]:
    """Return parents, levels and how many parts make a node whole: its children, or the partitions of its sites."""
    members = list(dataset.topology())
    parents = {member.id: member.parents[0].node for member in members if member.parents}
    levels = {member.id: member.level for member in members if member.type == "node"}
    homes = {(parents[one.id], _home(one.id, dataset)) for one in members if one.type == "site"}
    return {
        "parents": parents,
        "levels": levels,
        "children": Counter(parents.values()),
        "partitions": Counter(node for node, _ in homes),
    }


def _home(site: str, dataset: Dataset) -> int:
    return partition_of(site.encode(), dataset.meta.partitions)
