"""Devices whose readings can be told apart in the sums of the nodes above them.

A probe counts its readings. Those of one kind stand at different digits of a number, so the power of that kind at a
node tells how far each of them was heard: a live value dates itself, without any change to the system. There is a site
of probes per partition, with one device of each kind; a device reports once a second.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.contracts import DeviceRecord, Edge, SiteRecord
from app.kafka.clients import partition_of
from app.kafka.topology_writer import Change
from benchmarks.fleet import Fleet

BASE = 17
"""Readings after which a digit begins again: a longer latency than as many seconds would be taken for a shorter one."""
KINDS = tuple(f"probe_{letter}" for letter in "abcdefghij")
PERIOD_MS = 1000
MAX_POWER_W = 10**10


class Probes:
    """The probes of a fleet: one site per partition, far apart in its tree."""

    def __init__(self, fleet: Fleet) -> None:
        if BASE**fleet.partitions > MAX_POWER_W:
            raise ValueError(f"{fleet.partitions} digits are more than a power can hold")
        self.sites = [_name(partition, fleet.partitions) for partition in range(fleet.partitions)]
        self.chains = [fleet.chain(home * fleet.sites // fleet.partitions) for home in range(fleet.partitions)]

    def topology(self) -> Iterator[Change]:
        """Yield the sites of probes."""
        for site, chain in zip(self.sites, self.chains, strict=True):
            devices = tuple(
                DeviceRecord(f"{site}/{kind}", kind, MAX_POWER_W, 10)  # type: ignore[arg-type]
                for kind in KINDS
            )
            yield site, False, SiteRecord(parents=(Edge(chain[0]),), devices=devices, location=None)

    def below(self) -> dict[str, list[int]]:
        """Return the digits that each node's sum is made of."""
        nodes: dict[str, list[int]] = {}
        for digit, chain in enumerate(self.chains):
            for node in chain:
                nodes.setdefault(node, []).append(digit)
        return nodes


def due(slot: int, slot_ms: int, digits: int) -> Iterator[tuple[int, int, int]]:
    """Yield the digit, kind and count of each probe that is due in a slot of time; they take turns in a second."""
    slots = PERIOD_MS // slot_ms
    every = [(digit, kind) for kind in range(len(KINDS)) for digit in range(digits)]
    for number, (digit, kind) in enumerate(every):
        if number * slots // len(every) == slot % slots:
            yield digit, kind, slot // slots + 1


def power_of(digit: int, count: int) -> int:
    """Return what a probe says with its reading of a count."""
    return int(count % BASE * BASE**digit)


def heard(power_w: int, digit: int, before: int) -> int:
    """Return the count that a sum tells of a digit, given the last one that was seen."""
    seen: int = power_w // BASE**digit % BASE
    return before + (seen - before) % BASE


def _name(partition: int, partitions: int) -> str:
    return next(
        name for name in map("probe-{}".format, range(10_000)) if partition_of(name.encode(), partitions) == partition
    )
