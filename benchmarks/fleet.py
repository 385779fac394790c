"""A fleet of any size and shape, made without a file: its topology, its telemetry, and what must come of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np

from app.dataset.format import Meta
from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.kafka.clients import partition_of
from app.kafka.topology_writer import Change

START_MS = 1_764_000_000_000
NAMES = ("feeder", "substation", "region", "grid")
FANOUT = (25, 20, 25, 1_000_000)
ARRIVES_AFTER_MS = 500
RATED_W = 10_000
POWER_W = (200, 2_000)
"""Of one sign: a device that turns at every reading would say little else than transitions."""

Record = tuple[int, int, bytes, bytes]
"""When it arrives, its partition, key and value."""
Key = tuple[str, int]
Truth = dict[Key, tuple[int, int]]


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Its shape. Sites report in turn, one after the other through the interval; fanout is from the lowest level up."""

    sites: int = 10_000
    partitions: int = 8
    fanout: tuple[int, ...] = FANOUT
    devices: int = 1
    hot_devices: int = 0
    """Devices of the first site, if it differs from the others."""
    per_message: int = 1
    interval_s: int = 60
    window_s: int = 900
    kind: str = "load"
    seed: int = 1

    @property
    def levels(self) -> tuple[str, ...]:
        """The words of the levels, the lowest first."""
        return tuple(NAMES[depth] if depth < len(NAMES) else f"level_{depth + 1}" for depth in range(len(self.fanout)))

    @property
    def meta(self) -> Meta:
        """What the settings of workers are made from."""
        return Meta(
            name="fleet", window_s=self.window_s, start_ms=START_MS, end_ms=START_MS, tick_s=60, levels=self.levels,
            sites=self.sites, devices=len(self.sizes()), readings=0, truth_rows=0, partitions=self.partitions,
        )  # fmt: skip

    def devices_of(self, site: int) -> int:
        """Return how many devices a site has."""
        return self.hot_devices if self.hot_devices and site == 0 else self.devices

    def sizes(self) -> Any:
        """Return devices per site."""
        sizes = np.full(self.sites, self.devices, np.int64)
        sizes[0] = self.devices_of(0)
        return sizes

    def chain(self, site: int) -> list[str]:
        """Return the nodes above a site, the lowest first."""
        return [f"{level}-{site // below}" for level, below in zip(self.levels, self.below, strict=True)]

    @property
    def below(self) -> list[int]:
        """The sites below a node, by level."""
        return [prod(self.fanout[: depth + 1]) for depth in range(len(self.fanout))]

    def homes(self) -> list[int]:
        """Return the partition of each site."""
        return [partition_of(name_of(site), self.partitions) for site in range(self.sites)]

    def topology(self) -> Iterator[Change]:
        """Yield every node and site."""
        for level, below, above in zip(self.levels, self.below, [*range(1, len(self.fanout)), None], strict=True):
            for number in range(-(-self.sites // below)):
                parent = () if above is None else (Edge(self.chain(number * below)[above]),)
                yield f"{level}-{number}", True, NodeRecord(level=level, hierarchy="grid", parents=parent)
        for site in range(self.sites):
            yield name_of(site).decode(), False, self._site(site)

    def _site(self, site: int) -> SiteRecord:
        devices: Any = [
            DeviceRecord(f"{name_of(site).decode()}/{one}", self.kind, RATED_W, self.interval_s)  # type: ignore[arg-type]
            for one in range(self.devices_of(site))
        ]
        return SiteRecord(parents=(Edge(self.chain(site)[0]),), devices=tuple(devices), location=None)


def name_of(site: int) -> bytes:
    """Return the key of a site."""
    return b"s%07d" % site


class Telemetry:
    """Readings of a fleet, a step at a time, and what they come to so far."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.readings = 0
        self._chance = np.random.default_rng(fleet.seed)
        self._homes = fleet.homes()
        self._sizes = fleet.sizes()
        self._first = np.cumsum(self._sizes) - self._sizes
        self._sums: dict[int, tuple[Any, Any]] = {}

    def step(self, start_ms: int) -> Iterator[Record]:
        """Yield one reading of every device, in the order in which they arrive."""
        fleet = self.fleet
        at_ms = start_ms + np.arange(fleet.sites, dtype=np.int64) * (fleet.interval_s * 1000) // fleet.sites
        power_w = self._chance.integers(*POWER_W, size=int(self._sizes.sum()))
        self._add(at_ms, power_w)
        powers, firsts, sizes = power_w.tolist(), self._first.tolist(), self._sizes.tolist()
        for site, measured_ms in enumerate(at_ms.tolist()):
            mine = powers[firsts[site] : firsts[site] + sizes[site]]
            name = name_of(site)
            for value in values(name, mine, measured_ms, self.fleet.per_message):
                yield measured_ms + ARRIVES_AFTER_MS, self._homes[site], name, value

    def steps(self, start_ms: int, count: int) -> Iterator[Record]:
        """Yield so many steps, one after the other."""
        for number in range(count):
            yield from self.step(start_ms + number * self.fleet.interval_s * 1000)

    def _add(self, at_ms: Any, power_w: Any) -> None:
        """Add a step to the sums of its windows by site."""
        window_ms = self.fleet.window_s * 1000
        windows, by_site = at_ms // window_ms * window_ms, np.add.reduceat(power_w, self._first)
        for window in np.unique(windows).tolist():
            counts, sums = self._sums.setdefault(
                window, (np.zeros(self.fleet.sites, np.int64), np.zeros(self.fleet.sites, np.int64))
            )
            counts += np.where(windows == window, self._sizes, 0)
            sums += np.where(windows == window, by_site, 0)
        self.readings += len(power_w)

    def truth(self) -> Truth:
        """Return the readings and their sum of every node and window in which it heard any."""
        return {key: numbers for window, held in self._sums.items() for key, numbers in rows(self.fleet, window, *held)}


def rows(fleet: Fleet, window: int, counts: Any, sums: Any) -> Iterator[tuple[Key, tuple[int, int]]]:
    """Yield what one window comes to at every node, given readings and sums by site."""
    for level, below in zip(fleet.levels, fleet.below, strict=True):
        begins = np.arange(0, fleet.sites, below)
        node_counts, node_sums = np.add.reduceat(counts, begins).tolist(), np.add.reduceat(sums, begins).tolist()
        for number, numbers in enumerate(zip(node_counts, node_sums, strict=True)):
            if numbers[0]:
                yield (f"{level}-{number}", window), numbers


def values(name: bytes, powers_w: Sequence[int], measured_ms: int, per_message: int) -> Iterator[bytes]:
    """Yield the messages of one site's devices at one time; one device alone is no array."""
    readings = [
        b'{"device":"%s/%d","measured_at_ms":%d,"active_power_w":%d}' % (name, number, measured_ms, power_w)
        for number, power_w in enumerate(powers_w)
    ]
    if per_message == 1:
        yield from readings
        return
    for first in range(0, len(readings), per_message):
        yield b"[%s]" % b",".join(readings[first : first + per_message])


def with_ticks(records: Iterable[Record], fleet: Fleet, begin_ms: int, end_ms: int) -> Iterator[Record]:
    """Yield records with a tick to every partition each minute, from *begin_ms* to the end, which has one."""
    due_ms = begin_ms
    for record in records:
        while due_ms <= record[0]:
            yield from ticks(fleet, due_ms)
            due_ms += 60_000
        yield record
    for at_ms in (*range(due_ms, end_ms, 60_000), end_ms):
        yield from ticks(fleet, at_ms)


def ticks(fleet: Fleet, at_ms: int) -> list[Record]:
    """Return a tick to every partition."""
    return [(at_ms, partition, b"", b"") for partition in range(fleet.partitions)]
