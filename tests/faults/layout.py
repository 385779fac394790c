"""What a run is made of: a fleet, a broker or three, workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from app.dataset.format import Dataset
from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from app.kafka.broker import LocalBroker
from tests.faults.brokers import ProxiedBroker
from tests.faults.cluster import Cluster
from tests.faults.load import SHARES
from tests.faults.workers import FaultyWorker
from tests.system.plant import START_MS, Plant

ONE_EACH = ("twin", "rollup")
TICK_S = 5


class FaultyPlant(Plant):
    """A plant whose workers are the nemesis's."""

    def worker(self, name: str) -> FaultyWorker:
        if name not in self.workers:
            environ = {**self.environ, "VPP_MEMBER_ID": name}
            self.workers[name] = FaultyWorker(name.partition("-")[0], self.directory / name, environ)
        return self.workers[name]  # type: ignore[return-value]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of. `speed` is in simulated seconds per second."""

    names: tuple[str, ...] = ONE_EACH
    sites: int = 60
    speed: float = 30.0
    minutes: int = 240
    settings: dict[str, Any] = {}
    shares: tuple[float, ...] = SHARES
    is_proxied: bool = False
    """Workers reach the broker through a proxy only; the load does not."""
    has_three_brokers: bool = False
    shape: dict[str, Any] = {}


def broker_of(place: Path, layout: Layout, seed: int) -> Any:
    if layout.has_three_brokers:
        return Cluster(place)
    return ProxiedBroker(place, seed) if layout.is_proxied else LocalBroker(place)


def dataset_of(directory: Path, layout: Layout, seed: int) -> Dataset:
    shape: dict[str, Any] = {
        "sites": layout.sites, "depth": 3, "fanout": 6, "devices_per_site": 2, "groups": 2, "intervals_s": (5, 10),
        "start_ms": START_MS, "end_ms": START_MS + layout.minutes * 60_000, "gap_share": 0.02, **layout.shape,
    }  # fmt: skip
    generate(directory, Shape(seed=seed, **shape))
    dataset = Dataset(directory)
    dataset.meta = msgspec.structs.replace(dataset.meta, tick_s=TICK_S)
    return dataset
