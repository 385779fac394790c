"""A plant under load, and what a nemesis does to it. A seed decides the load, the faults and their order."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from app.batch.crash import VARIABLE
from tests.faults.brokers import ProxiedBroker
from tests.faults.cluster import Cluster
from tests.faults.evidence import Evidence, read_disks, read_log, read_topics
from tests.faults.journal import Journal
from tests.faults.layout import TICK_S, FaultyPlant, Layout, broker_of, dataset_of
from tests.faults.load import SHARES, Load
from tests.faults.samples import Sampler
from tests.faults.truth import rules_of, topology_of
from tests.faults.workers import FaultyWorker, Orchestrator
from tests.system.offsets import committed, end
from tests.system.plant import START_MS, until

HEALED_WITHIN_S = 420.0
QUIET_S = 3.0


class Trial:
    """A plant under load, whose faults a row chooses."""

    def __init__(self, directory: Path, layout: Layout, seed: int) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        self.directory = directory
        self.layout = layout
        self.chance = random.Random(seed)
        self.journal = Journal(directory / "journal.jsonl")
        place = directory / "broker"
        self.broker = broker_of(place, layout, seed)
        self.faults = 0
        self.read_again = 0
        self.recovered_s: list[float] = []
        self.stopped_s: list[float] = []
        self.predicted: dict[tuple[int, int], str] = {}
        self.extra: dict[str, Any] = {}
        self.behind: list[Callable[[], object]] = []
        """To be done when all is over."""
        dataset = dataset_of(directory / "dataset", layout, seed)
        self.topology = topology_of(dataset.topology())
        self.broker.port = int(self.broker.start().rpartition(":")[2])
        settings = {"tick_s": TICK_S, "publish_cadence_s": 0.5, "session_timeout_s": 30, **layout.settings}
        self.plant = FaultyPlant(directory, self.broker, dataset, **settings)
        if isinstance(self.broker, ProxiedBroker | Cluster):
            self.plant.environ["VPP_BROKER"] = self.broker.address
        if isinstance(self.broker, Cluster):
            self.plant.settings = msgspec.structs.replace(self.plant.settings, broker=self.broker.address)
        self.plant.make_topics()
        self.load = Load(dataset, self.plant.settings, self.journal, seed=seed, speed=layout.speed,
                         shares=type(SHARES)(*layout.shares))  # fmt: skip
        for name in layout.names:
            self.worker(name)
        self.orchestrator = Orchestrator(self.plant.workers, self.journal)
        self.sampler = Sampler(self.plant.workers)

    def worker(self, name: str) -> FaultyWorker:
        return self.plant.worker(name)

    def begin(self) -> None:
        """Start workers and load, and wait until they are well."""
        for name in self.layout.names:
            self.start(name)
        self.orchestrator.start()
        self.sampler.start()
        self.load.start()
        self.until_well(self.layout.names)
        until(lambda: self.load.replay.published > 200, "load")
        self.journal.note("begun")

    def start(self, name: str) -> None:
        with self.orchestrator.lock:
            worker = self.worker(name)
            worker.is_wanted = True
            worker.start()

    def kill(self, name: str, *, wipe: bool, point: str = "", times: int = 1) -> None:
        """Kill a worker and start it again at once, to die when it gets to a crash point so many times."""
        with self.orchestrator.lock:
            worker = self.worker(name)
            self.read_again += worker.pending()
            worker.kill(wipe=wipe)
            self._killed_s = self._killed_s or time.monotonic()
            self.journal.note("kill", worker=name, wipe=wipe, point=point)
            self._hits_before = self.hits() if point else {}
            worker.start(**({VARIABLE: f"{point}@{times}"} if point else {}))

    @contextmanager
    def down(self, *names: str) -> Iterator[None]:
        """Have workers killed while the block runs; start them again behind it."""
        with self.orchestrator.lock:
            for name in names:
                self.worker(name).kill()
                self.journal.note("kill", worker=name)
            self._killed_s = self._killed_s or time.monotonic()
            yield
            for name in names:
                self.worker(name).start()

    def stop(self, name: str) -> int:
        """Tell a worker to stop, and leave it stopped; return its exit code."""
        with self.orchestrator.lock:
            worker = self.worker(name)
            worker.is_wanted = False
            began_s = time.monotonic()
            code = worker.stop()
            self.stopped_s.append(time.monotonic() - began_s)
            self.journal.note("stop", worker=name, code=code, seconds=round(self.stopped_s[-1], 2))
        return code

    def hits(self) -> dict[str, int]:
        """Return how often each crash point was reached, by what the dying processes said."""
        logs = [self.plant.log_of(name) for name in self.plant.workers if self.worker(name).log.exists()]
        said = [point for log in logs for point in re.findall(r"crash point (\S+) reached", log)]
        return {point: said.count(point) for point in sorted(set(said))}

    def until_hit(self, point: str) -> None:
        """Wait until the armed process died at its point, and was started again."""
        held = self._hits_before.get(point, 0)
        until(lambda: self.hits().get(point, 0) > held, f"crash point {point}")

    _killed_s = 0.0
    _told_from_s = 0.0
    _stored_before: dict[str, tuple[object, object]] = {}  # noqa: RUF012
    """What workers said of themselves before counts no more: one that is frozen says nothing."""
    _hits_before: dict[str, int] = {}  # noqa: RUF012

    def refusals(self, words: tuple[str, ...]) -> int:
        """Return how many workers ended by themselves with one of some words."""
        return sum(any(word in entry["words"] for word in words) for entry in self.journal.of("ended"))

    def signal(self, name: str, number: signal.Signals) -> None:
        self.worker(name).send(number)
        self.journal.note(number.name, worker=name)

    def is_well(self, name: str) -> bool:
        """Whether a worker has its state, stores it, and is no more than a second of load behind."""
        worker = self.worker(name)
        has_stored = self._stored(name) != self._stored_before.get(name)
        return has_stored and worker.is_well(self._told_from_s) and worker.lag() <= max(500, self.rate())

    def _stored(self, name: str) -> tuple[object, object]:
        """Return which process it is and how often it stored its state: one whose writes hang folds on for a while."""
        metrics = self.worker(name).metrics()
        return metrics.get("pid"), metrics.get("checkpoints")

    def rate(self) -> float:
        """Return about how many records come in a second."""
        minutes = max(1.0, (self.load.at_ms - START_MS) / 60_000)
        return self.load.records / minutes / 60 * self.layout.speed

    def until_well(self, names: Any, *, within_s: float = HEALED_WITHIN_S) -> float:
        """Wait until workers have recovered; return the seconds that it took the last of them."""
        began_s = time.monotonic()
        until(lambda: all(self.is_well(name) for name in names), f"{names} to be well", within_s=within_s)
        return time.monotonic() - began_s

    @contextmanager
    def fault(self, kind: str, *names: str, count: int = 1, is_timed: bool = True) -> Iterator[None]:
        """Count a fault and time how long the named workers need: from a kill in the block, or from its end."""
        self.journal.note("fault", kind=kind)
        self._killed_s = 0.0
        yield
        self._told_from_s = time.time()
        self._stored_before = {name: self._stored(name) for name in self.layout.names}
        began_s = self._killed_s or time.monotonic()
        self.until_well(names or self.layout.names)
        seconds = time.monotonic() - began_s
        self.faults += count
        if is_timed or self._killed_s:
            self.recovered_s.append(round(seconds, 2))
        self.journal.note("recovered", kind=kind, seconds=round(seconds, 2), faults=self.faults)

    def time_from_here(self) -> None:
        """Time the recovery from the end of the fault, whatever was killed in it."""
        self._killed_s = 0.0

    def until_loaded(self, before: int) -> None:
        """Wait until load flows again."""
        until(lambda: self.load.records > before or self.load.is_exhausted, "load", within_s=HEALED_WITHIN_S)

    def wait(self, seconds: float) -> None:
        """Let the load go on."""
        until_s = time.monotonic() + seconds
        until(lambda: time.monotonic() >= until_s, "time to pass", within_s=seconds + 10)

    def heal(self) -> float:
        """End the load, wait until nothing is left to do, and stop everything; return the seconds until idle."""
        self.journal.note("heal")
        began_s = time.monotonic()
        self.load.end()
        for role in ("twin", "rollup"):
            until(lambda role=role: committed(self.plant, role) == end(self.plant, role), f"{role} to be idle",  # type: ignore[misc]
                  within_s=HEALED_WITHIN_S)  # fmt: skip
        healed_s = time.monotonic() - began_s
        self.journal.note("idle", seconds=round(healed_s, 2))
        self.wait(QUIET_S)
        self.orchestrator.end()
        self.sampler.end()
        for name in self.layout.names:
            self.stop(name)
        return healed_s

    def evidence(self) -> Evidence:
        """Read what the run left behind."""
        settings = self.plant.settings
        log = asyncio.run(read_log(settings.broker, settings.partitions))
        evidence = Evidence(rules_of(settings), self.topology, log, predicted=self.predicted)
        asyncio.run(read_topics(settings.broker, self.plant.dataset.meta.levels, evidence))
        disks = {name: self.plant.disk_of(name) for name in self.plant.workers}
        evidence.disks = read_disks(disks, settings.partitions)
        evidence.samples, evidence.recovered_s = self.sampler.samples, self.recovered_s
        return evidence

    def clean_up(self) -> None:
        """Kill what still runs."""
        if self.orchestrator.is_alive():
            self.orchestrator.end()
        for worker in self.plant.workers.values():
            worker.kill()
        if self.broker.running() is not None:
            self.broker.stop()
        for act in self.behind:
            act()
