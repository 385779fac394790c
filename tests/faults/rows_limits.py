"""Rows in which a worker lacks something: disk, memory, handles, processor, or the right time."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import brokers, clocks
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial
from tests.system.plant import until

WORKER_DISK, BROKER_DISK = "64m", "400m"
FULL_S = 8.0
OFF_S = 600.0
BURN = "while True: pass"
LIMITS = {
    "ulimit -n 256": ["prlimit", "--nofile=256"],
    "memory limit": ["prlimit", f"--as={300 << 20}"],
    "nice 19 and burners": ["nice", "-n", "19"],
}
WALL_CLOCKS = ("+2h", "-2h", "+0 x1.0167", "+0 x0.9833", "+40m", "-40m")
"""Jumps, and drifts of a second in a minute."""


def limits(trial: Trial, count: int) -> None:
    """Start a worker under a limit, let it live or die under it, then without."""
    while trial.faults < count:
        kind = sorted(LIMITS)[trial.faults % len(LIMITS)]
        name = trial.chance.choice(trial.layout.names)
        with trial.fault(kind, name), _burning(4 if "burners" in kind else 0):
            trial.worker(name).prefix = LIMITS[kind]
            trial.kill(name, wipe=False)
            trial.wait(FULL_S)
            under = trial.extra.setdefault("well_under_limit", {})
            under[kind] = under.get(kind, 0) + trial.worker(name).is_well()
            trial.worker(name).prefix = []
            if kind == "memory limit":
                trial.kill(name, wipe=False)
            trial.time_from_here()


@contextmanager
def _burning(count: int) -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def worker_disk_full(trial: Trial, count: int) -> None:
    """Fill the disk of a worker, which is a small file system of its own, and free it again."""
    for name in trial.layout.names:
        with trial.down(name):
            _mount(trial, trial.worker(name).directory, WORKER_DISK)
    trial.until_well(trial.layout.names)
    while trial.faults < count:
        name = trial.chance.choice(trial.layout.names)
        trial.wait(trial.chance.uniform(0.5, 2.0))
        with trial.fault("worker's disk full", name):
            filler = _fill(trial.worker(name).directory)
            trial.wait(FULL_S)
            filler.unlink()


def broker_disk_full(trial: Trial, count: int) -> None:
    """Fill the disk of the broker until it gives up, free it, and start the broker again."""
    trial.broker.stop()
    _mount(trial, trial.broker.directory / "data", BROKER_DISK)
    trial.broker.start()
    trial.until_well(trial.layout.names)
    while trial.faults < count:
        before = trial.load.records
        with trial.fault("broker's disk full"):
            filler = _fill(trial.broker.directory / "data")
            trial.wait(FULL_S * 2)
            filler.unlink()
            trial.extra["broker_gave_up"] = trial.extra.get("broker_gave_up", 0) + (trial.broker.running() is None)
            brokers.kill(trial.broker)
            trial.broker.start()
        trial.until_loaded(before)


def _mount(trial: Trial, directory: Path, size: str) -> None:
    """Put a small file system in the place of a directory and what is in it."""
    aside = directory.with_name(f"{directory.name}.before")
    directory.rename(aside)
    directory.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], capture_output=True)
    assert done.returncode == 0, f"this row mounts a small file system, which is not permitted here: {done.stderr!r}"
    trial.behind.append(lambda: subprocess.run(["umount", "-l", str(directory)], check=False))
    shutil.copytree(aside, directory, dirs_exist_ok=True)


def _fill(directory: Path) -> Path:
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return filler


def worker_clocks(trial: Trial, count: int) -> None:
    """Let the wall clock of workers jump and drift, from the start and while they run."""
    file = trial.directory / "clock"
    file.write_text("+0")
    for name in trial.layout.names:
        trial.worker(name).changes |= clocks.environment(file)
        trial.kill(name, wipe=False)
    trial.until_well(trial.layout.names)
    while trial.faults < count:
        with trial.fault("wall clock"):
            file.write_text(WALL_CLOCKS[trial.faults % len(WALL_CLOCKS)])
            trial.wait(trial.chance.uniform(2.0, 5.0))
            if trial.chance.random() < 0.3:
                trial.kill(trial.chance.choice(trial.layout.names), wipe=False)


def backlog(trial: Trial, count: int) -> None:
    """Keep all workers away for ten minutes of full load, then let them catch up."""
    for _ in range(count):
        trial.wait(10.0)
        before = trial.load.records
        began_s = time.monotonic()
        with trial.fault("workers away for 10 min"), trial.down(*trial.layout.names):
            trial.wait(OFF_S)
            trial.time_from_here()
            behind, rate = trial.load.records - before, (trial.load.records - before) / (time.monotonic() - began_s)
        trial.extra |= {"backlog": behind, "ratio": round(behind / trial.recovered_s[-1] / rate, 1)}


def wide(trial: Trial, count: int) -> None:
    """Kill each worker once in the middle of a load that weighs on one key, and let all of it be folded."""
    with trial.fault("kill -9 under a hot key", count=1):
        for name in trial.layout.names:
            trial.kill(name, wipe=False)
    until(lambda: trial.load.is_exhausted or not trial.load.is_alive(), "the whole load", within_s=600)


ROWS = {
    "F8": Row("worker's disk full", worker_disk_full, Layout(), 30, 5, 10),
    "F8-broker": Row("broker's disk full", broker_disk_full, Layout(), 10, 2, 2),
    "F15": Row("wall clock of workers: jumps of 2 h and 40 min, drift", worker_clocks, Layout(), 50, 10, 50,
               "by libfaketime; the monotonic clock stays"),
    "F22": Row("backlog of 10 min", backlog, Layout(minutes=420), 10, 1, 1, "`ratio`: catching up against ingest"),
    "F23": Row("100,000 sites under one node", wide,
               Layout(sites=100_000, minutes=3, speed=2.0,
                      shape={"depth": 1, "fanout": 100_000, "devices_per_site": 1, "groups": 0, "intervals_s": (60,)}),
               1, 1, 1),
    "F23-hot": Row("half of the traffic on one site", wide,
                   Layout(minutes=60, speed=60.0, shape={"intervals_s": (60,), "hot_interval_s": 1}), 1, 1, 1),
    "F25": Row("memory limit, ulimit -n 256, starved of processor", limits, Layout(), 150, 15, 15,
               "the memory limit is of address space, 300 MB: the worker dies of it and starts again without"),
}  # fmt: skip
