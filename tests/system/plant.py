"""A plant for the tests of the whole system: a broker, its topics, workers of both roles, a dataset and its truth."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.dataset.format import Dataset
from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from app.demo.workers import WorkerProcess
from app.kafka.admin import create_topics
from app.kafka.broker import LocalBroker
from app.replay.disturb import Shares
from app.replay.publish import Replay
from app.settings import Settings
from app.topics import all_topics
from app.verify.compare import Report, verify

ROLES = ("twin", "rollup")
START_MS = 1_764_000_000_000
MINUTE_MS = 60_000
DEADLINE_S = 120.0
DISTURBED = Shares(duplicate=0.05, shuffle=0.2)


def small_dataset(directory: Path, *, minutes: int = 10, **changes: int) -> Dataset:
    """Make a dataset of some dozen sites with windows of a minute; *changes* are fields of its shape."""
    shape = {"sites": 36, "depth": 3, "fanout": 6, "devices_per_site": 2, "groups": 2, **changes}
    generate(directory, Shape(start_ms=START_MS, end_ms=START_MS + minutes * MINUTE_MS, intervals_s=(5, 10), **shape))
    return Dataset(directory)


def until(holds: Callable[[], object], what: str, *, within_s: float = DEADLINE_S) -> None:
    """Wait for a condition; name what did not come."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, f"waited {within_s:g} s for {what}"
        time.sleep(0.05)


class Plant:
    """One deployment in one directory. Every worker has a data directory and a member id of its own."""

    def __init__(self, directory: Path, broker: LocalBroker, dataset: Dataset, **changes: object) -> None:
        self.directory = directory
        self.dataset = dataset
        running = broker.running()
        assert running is not None
        self.environ = _environ(running.address, dataset, changes)
        self.settings = Settings.load({**self.environ, "VPP_DATA_DIR": str(directory / "replay")})
        self.workers: dict[str, WorkerProcess] = {}
        self.at_ms = START_MS
        """How far the dataset was replayed."""

    def make_topics(self, *levels: str) -> list[str]:
        """Make every topic for the levels of the dataset and for others; return those that were missing."""
        wanted = all_topics((*self.dataset.meta.levels, *levels), self.settings)
        return asyncio.run(create_topics(self.settings.broker, wanted))

    def worker(self, name: str) -> WorkerProcess:
        """Return the worker of a name such as `twin` or `twin-2`; the same one each time."""
        if name not in self.workers:
            environ = {**self.environ, "VPP_MEMBER_ID": name}
            self.workers[name] = WorkerProcess(name.partition("-")[0], self.directory / name, environ)
        return self.workers[name]

    def disk_of(self, name: str) -> Path:
        """Return where a worker keeps its state."""
        worker = self.worker(name)
        return worker.directory / worker.role

    def log_of(self, name: str) -> str:
        """Return what a worker wrote."""
        return self.worker(name).log.read_text(errors="replace")

    def last_words(self, characters: int) -> dict[str, str]:
        """Return the end of every worker's log, by its name and whether it runs."""
        return {
            f"{name}, exit code {worker.exit_code}": self.log_of(name)[-characters:]
            for name, worker in self.workers.items()
            if worker.log.exists()
        }

    def check(self) -> None:
        """Raise if a worker ended by itself: what it was to do is waited for in vain."""
        for worker in self.workers.values():
            worker.check()

    def start(self, *names: str) -> None:
        """Start workers and wait until all of them have their state."""
        for name in names:
            self.worker(name).start()
        for name in names:
            self.worker(name).wait_ready()

    def kill_and_start(self, name: str, *, wipe: bool) -> None:
        """Kill a worker with SIGKILL and start it again."""
        self.worker(name).kill(wipe=wipe)
        self.start(name)

    def end(self) -> None:
        """Kill every worker that still runs."""
        for worker in self.workers.values():
            worker.kill()

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Run workers for a block and kill them behind it."""
        try:
            self.start(*names)
            yield
        finally:
            self.end()

    @contextmanager
    def replaying(self, minutes: float | None = None, *, speed: float = 0.0) -> Iterator[Replay]:
        """Replay the next minutes, or all that is left, while the block runs; wait for their end behind it."""
        replay = Replay(self.dataset, self.settings, shares=DISTURBED, seed=7)
        until_ms = replay.last_tick_ms if minutes is None else self.at_ms + round(minutes * MINUTE_MS)
        course = replay.run(speed=speed, over_s=None, start_at_ms=self.at_ms, until_ms=until_ms, resume=False,
                            progress=lambda *_: None)  # fmt: skip
        faults: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(course)
            except BaseException as fault:
                faults.append(fault)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield replay
        finally:
            thread.join()
        if faults:
            raise faults[0]
        self.at_ms = until_ms

    def replay(self, minutes: float | None = None) -> None:
        """Replay as fast as possible."""
        with self.replaying(minutes):
            pass

    def assert_exact(self) -> Report:
        """Every truth row is equal and final, every reading is accounted for."""
        report = asyncio.run(verify(self.dataset, self.settings, timeout_s=60.0))

        assert report.passed, "\n".join(report.differences[:5])
        assert report.equal == self.dataset.meta.truth_rows
        return report


def _environ(address: str, dataset: Dataset, changes: dict[str, object]) -> dict[str, str]:
    meta = dataset.meta
    given = {
        "broker": address,
        "partitions": 4,
        "telemetry_timestamps": "create",
        "window_s": meta.window_s,
        "grace_s": 60,
        "horizon_s": meta.horizon_s,
        "tick_s": meta.tick_s,
        "publish_cadence_s": 0.2,
        "checkpoint_cadence_s": 0.5,
        "provisional_cadence_s": 0,
        "twin_cadence_s": 1,
        "session_timeout_s": 30,
        "heartbeat_s": 1,
        **changes,
    }
    return {f"VPP_{name.upper()}": str(value) for name, value in given.items()}
