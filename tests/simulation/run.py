"""One schedule: a seed decides the world, who does what when, and where it dies; then all heals and is compared."""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from typing import NamedTuple

from tests.simulation.checks import differences
from tests.simulation.cluster import CRASHES, Cluster, Crash, Disk, RollupWorker, TwinWorker, Worker
from tests.simulation.world import World

FAULTS = ("crash", "crash", "crash", "move", "stale")
MOST_FAULTS = 12
"""Every restart says everything once more; without a bound the logs would grow faster than they are read."""


class Limits(NamedTuple):
    """At most this many faults, changes of topology and records per partition; what a seed gives may be fewer."""

    faults: int = MOST_FAULTS
    changes: int = 4
    records: int = 1_000


class Result(NamedTuple):
    """What became of one schedule."""

    seed: int
    differences: list[str]
    crashes: int
    records: int


class Schedule:
    """Workers of both roles, one for each partition, in a seeded order of steps."""

    def __init__(self, seed: int, limits: Limits) -> None:
        self.seed = seed
        self.chance = random.Random(seed * 7919 + 1)
        self.world = World(seed, changes=limits.changes, records=limits.records)
        self.cluster = Cluster(self.world, self.chance)
        self.fault_share = self.chance.choice((0.02, 0.1, 0.3))
        self.faults_left = min(limits.faults, self.chance.randint(1, MOST_FAULTS))
        self.stride = self.chance.choice((3, 10, 40))
        self.stale: list[tuple[Worker, int]] = []
        self.workers: list[Worker] = [
            kind(self.cluster, partition, Disk())
            for kind in (TwinWorker, RollupWorker)
            for partition in range(self.world.partitions)
        ]

    def run(self) -> Result:
        while not all(worker.is_done for worker in self.workers):
            self._step()
        self.stale = []
        self._settle()
        if self.chance.random() < 0.5:
            for number in range(len(self.workers)):
                self._restart(number, Disk())
            self._settle()
        twins = [worker.machine for worker in self.workers[: self.world.partitions]]
        records = sum(map(len, self.world.logs.values()))
        return Result(self.seed, differences(self.cluster, twins), self.cluster.crashes, records)

    def digest(self) -> str:
        """Return a digest of every byte that was said and remembered, in order."""
        cluster = self.cluster
        logs = [cluster.contributed, sorted(cluster.changelogs.items()), sorted(cluster.published.items())]
        return hashlib.sha256(repr(logs).encode()).hexdigest()

    def _step(self) -> None:
        number = self.chance.randrange(len(self.workers))
        try:
            self._turn(number)
        except Crash:
            self._restart(number, self.workers[number].disk)
        self._step_stale()

    def _turn(self, number: int) -> None:
        worker = self.workers[number]
        worker.fold(self.chance.randint(1, self.stride))
        fault = self._next_fault()
        if fault == "crash":
            self._crash(number)
        elif fault == "move":
            worker.flush(checkpoint=True)
            self._restart(number, Disk() if self.chance.random() < 0.5 else worker.disk)
        elif fault == "stale":
            self._make_stale(number)
        elif self.chance.random() < 0.4:
            worker.flush(checkpoint=self.chance.random() < 0.6)

    def _next_fault(self) -> str | None:
        if not self.faults_left or self.chance.random() >= self.fault_share:
            return None
        self.faults_left -= 1
        return self.chance.choice(FAULTS)

    def _crash(self, number: int) -> None:
        worker = self.workers[number]
        with suppress(Crash):
            worker.flush(checkpoint=self.chance.random() < 0.8, crash=self.chance.choice(CRASHES))
        self._restart(number, Disk() if self.chance.random() < 0.4 else worker.disk)

    def _restart(self, number: int, disk: Disk) -> None:
        worker = self.workers[number]
        self.workers[number] = type(worker)(self.cluster, worker.partition, disk)

    def _make_stale(self, number: int) -> None:
        """Somebody else takes over while this worker goes on for a while, unaware."""
        if not self.stale:
            self.stale.append((self.workers[number], self.chance.randint(1, 6)))
            self._restart(number, Disk())

    def _step_stale(self) -> None:
        for worker, steps in self.stale:
            self.stale = [(worker, steps - 1)] if steps > 1 else []
            worker.fold(self.chance.randint(1, self.stride))
            try:
                if self.chance.random() < 0.6:
                    worker.flush(checkpoint=self.chance.random() < 0.5)
            except Crash:
                self.stale = []
            if not self.stale:
                self._outlive(worker)

    def _outlive(self, stale: Worker) -> None:
        """Whoever owns its partition learns that a former owner can say nothing more."""
        for worker in self.workers:
            if isinstance(worker, TwinWorker) and (type(worker), worker.partition) == (type(stale), stale.partition):
                worker.machine.caught_up_at(self.cluster.produced[worker.partition])

    def _settle(self) -> None:
        """Faults are over: everybody reads to the end and says everything."""
        self.cluster.known_changes = len(self.world.changes)
        for number in range(len(self.workers)):
            while not self._is_finished(self.workers[number]):
                self._restart(number, self.workers[number].disk)

    def _is_finished(self, worker: Worker) -> bool:
        """Finish unless the worker finds that another one overtook it."""
        try:
            self._finish(worker)
        except Crash:
            return False
        return True

    def _finish(self, worker: Worker) -> None:
        if isinstance(worker, TwinWorker):
            worker.learn(len(self.world.changes))
        worker.fold(len(worker.source))
        worker.apply([])
        for _ in range(ENOUGH_TURNS):
            if not worker.flush(checkpoint=False, everything=True):
                break
        worker.flush(checkpoint=True)


ENOUGH_TURNS = 200


def run(seed: int, limits: Limits = Limits()) -> Result:  # noqa: B008
    """Run one schedule."""
    return Schedule(seed, limits).run()
