"""The systems side by side: how each is made ready, started, asked when it began, and ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app import topics
from app.dataset.format import Dataset
from app.demo.workers import WorkerProcess
from app.errors import GridtwinError
from benchmarks.peer_builds import java_peer, python_peer
from benchmarks.worlds import World, topology_for_peers

PEERS = Path(__file__).parent / "peers"
OURS = "gridtwin"
PARTS = "bench.parts"
STOP_TIMEOUT_S = 20.0
RECOVERY_LIMIT_S = 180.0
RECOVERY_POLL_S = 0.05


class Ours:
    """The shipped workers, one of each role; the twin's start is the start of fetching, the rollup waits for it."""

    def __init__(self, directory: Path, environ: dict[str, str], levels: Iterable[str]) -> None:
        self.rollup, self.twin = (
            WorkerProcess(role, directory / role, {**environ, "VPP_MEMBER_ID": f"bench-{role}"})
            for role in ("rollup", "twin")
        )
        self.workers = (self.rollup, self.twin)
        self.level_topics = [topics.level_topic(level) for level in levels]
        self._began_s = 0.0

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self.workers]

    def start(self) -> None:
        self.rollup.start()
        self.rollup.wait_ready()
        self.twin.start()

    def began_s(self) -> float | None:
        """When the twin worker had its state and went on to fetch; no record can have been folded before."""
        if not self._began_s and self.twin.metrics().get("is_ready"):
            self._began_s = time.time()
        return self._began_s or None

    def check(self) -> None:
        for worker in self.workers:
            worker.check()

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()

    def recover(self, *, wipe: bool) -> float:
        """Kill both, start both, and return the seconds until both have their state back."""
        for worker in self.workers:
            worker.kill(wipe=wipe)
        began_s = time.monotonic()
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()
        return time.monotonic() - began_s


class Peer:
    """One process of another system, with the job written for it."""

    def __init__(self, plan: Plan, directory: Path, dataset: Dataset, address: str) -> None:
        directory.mkdir(parents=True)
        self.log = directory / "log"
        self.state = directory / "state"
        self.level_topics = [f"bench.{level}" for level in dataset.meta.levels]
        self._plan = plan
        self._first_record = directory / "first-record"
        topology = topology_for_peers(dataset)
        (directory / "topology.json").write_bytes(msgspec.json.encode(topology))
        (directory / "topology.tsv").write_text(_as_lines(topology))
        self._environ = {**os.environ, **_given(directory, dataset, address), **plan.environ}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._plan.command(), env=self._environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def began_s(self) -> float | None:
        """When its first record came, by its own word."""
        text = self._first_record.read_text() if self._first_record.exists() else ""
        return float(text) if text else None

    def check(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise GridtwinError(f"{self._plan.name} ended with {self._process.returncode}: {tail}")

    def recover(self, *, wipe: bool) -> float | None:
        """Kill it, start it, and return the seconds until it folds its first record again; None if that took too long.

        One whose state is in memory only has nothing to recover.
        """
        if self._process is None or not self._plan.is_durable:
            return None
        self._process.kill()
        self._process.wait()
        if wipe:
            shutil.rmtree(self.state, ignore_errors=True)
        self._first_record.unlink(missing_ok=True)
        began_s = time.time()
        self.start()
        while (again_s := self.began_s()) is None and time.time() - began_s < RECOVERY_LIMIT_S:
            self.check()
            time.sleep(RECOVERY_POLL_S)
        return None if again_s is None else again_s - began_s

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _given(directory: Path, dataset: Dataset, address: str) -> dict[str, str]:
    meta = dataset.meta
    return {
        "BENCH_BROKER": address,
        "BENCH_TELEMETRY": topics.TELEMETRY,
        "BENCH_PARTS": PARTS,
        "BENCH_PARTITIONS": str(meta.partitions),
        "BENCH_WINDOW_MS": str(1000 * meta.window_s),
        "BENCH_GRACE_MS": str(1000 * meta.grace_s),
        "BENCH_STATE_DIR": str(directory / "state"),
        "BENCH_TOPOLOGY": str(directory / "topology.json"),
        "BENCH_TOPOLOGY_LINES": str(directory / "topology.tsv"),
        "BENCH_FIRST_RECORD": str(directory / "first-record"),
        "PYTHONPATH": str(PEERS),
    }


def _as_lines(topology: dict[str, Any]) -> str:
    """Return it for a reader without JSON: id, parent, level, children, partitions."""
    names = topology["parents"].keys() | topology["levels"].keys()
    columns = [
        (topology["parents"], ""),
        (topology["levels"], ""),
        (topology["children"], 0),
        (topology["partitions"], 0),
    ]
    return "".join(
        "\t".join([name, *(str(one.get(name, none)) for one, none in columns)]) + "\n" for name in sorted(names)
    )


@dataclass(frozen=True)
class Own:
    """Ours: the shipped workers, with what is said to them beyond the shipped settings."""

    name: str = OURS
    environ: tuple[tuple[str, str], ...] = ()
    is_durable: bool = True


@dataclass(frozen=True)
class Plan:
    """A peer: what it is called, its folder, how it is made and run, and what a reader must know of it."""

    name: str
    folder: str
    make: Callable[[Path], list[str]]
    environ: dict[str, str]
    is_durable: bool = True
    share: float = 1.0
    """How much of the time it gets: with all of it, it would not be done in ten minutes."""

    def world(self, world: World) -> World:
        """Return what it is given of a world: whole windows, two at least; fewer sites if that is still too much."""
        windows = max(2, round(self.share * world.duration_s / world.window_s))
        duration_s = min(world.duration_s, windows * world.window_s)
        sites = min(world.sites, max(1, round(self.share * world.sites * world.duration_s / duration_s)))
        return msgspec.structs.replace(world, duration_s=duration_s, sites=sites)

    def command(self) -> list[str]:
        """Return what runs it, after making what it needs."""
        return self.make(PEERS / self.folder)


def _streams(threads: int, *, keeps_site_windows: bool) -> Plan:
    words = ["Kafka Streams", *["windows of sites"] * keeps_site_windows, *["2 threads"] * (threads == 2)]
    environ = {"BENCH_THREADS": str(threads), "BENCH_SITE_WINDOWS": "yes" if keeps_site_windows else "no"}
    return Plan(", ".join(words), "kafka_streams", java_peer("bench.Job"), environ)


OWN = Own()
OWN_PLAIN = Own(f"{OURS}, not compiled", (("GRIDTWIN_COMPILED", "no"),))
FAUST = Plan("Faust", "faust", python_peer("{folder}/job.py", "-L", "uvloop", "worker", "-l", "warn"), {}, share=1 / 15)
QUIX = Plan("Quix Streams", "quix", python_peer("{folder}/job.py"), {})
BYTEWAX = Plan("Bytewax", "bytewax", python_peer("-m", "bytewax.run", "{folder}/job.py:flow"), {}, is_durable=False)
STREAMS = [_streams(threads, keeps_site_windows=keeps) for keeps in (False, True) for threads in (1, 2)]
QUICK = [FAUST, QUIX]
ALL = [FAUST, QUIX, *STREAMS, BYTEWAX]
