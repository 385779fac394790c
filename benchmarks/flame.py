"""A flame graph of each role while it drains a loaded topic, and its processor time by phase and thread.

    python benchmarks/flame.py [--sites N] [--duration-s N] [--window-s N]

py-spy gets an environment of its own; it samples from outside, so what it shows is what ships.
"""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.errors import GridtwinError
from benchmarks.archive import RESULTS, now, write
from benchmarks.contenders import Ours
from benchmarks.curves import profile_chapter
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.outputs import oracle
from benchmarks.peer_builds import environment
from benchmarks.trial import first_fetch, scratch, until_done
from benchmarks.worlds import CACHE, World, environ_of, loaded_broker

LIMIT_S = 900.0
SAMPLES_PER_S = "50"
STOP_S = 60.0
TOOL = Path(__file__).parent / "profiler" / "requirements.txt"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--duration-s", type=int, default=900)
    parser.add_argument("--window-s", type=int, default=60)
    world = World(**vars(parser.parse_args()))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    began = now()
    result: dict[str, Any] = {
        "kind": "profile", "shape": "profile", "is_quick": False, "at": began, "machine": describe_machine(),
        "versions": describe_versions(), "job": world.described, **_profile(world),
    }  # fmt: skip
    write(RESULTS / f"{began[:10]}-profile.json", result)
    print(profile_chapter(result))
    return 0 if result["exact"] else 1


def _profile(world: World) -> dict[str, Any]:
    """Drain a world while both roles are sampled."""
    dataset, tool = world.dataset(), environment("profiler", TOOL).with_name("py-spy")
    with scratch() as directory, loaded_broker(world, directory) as address:
        environ = {**environ_of(dataset, directory, address), "VPP_PROFILE": "on"}
        system = Ours(directory / "system", environ, dataset.meta.levels)
        try:
            system.start()
            with _sampled(tool, system):
                began_s = first_fetch(system, LIMIT_S)
                outcome = until_done(system, oracle(dataset), address, LIMIT_S)
            roles = {worker.role: parts(worker.metrics()) for worker in system.workers}
        finally:
            system.stop()
    seconds = round(outcome.ended_s - began_s, 2)
    return {"readings": dataset.meta.readings, "seconds": seconds, "exact": outcome.is_exact, "roles": roles}


@contextmanager
def _sampled(tool: Path, system: Ours) -> Iterator[None]:
    """Sample both roles until it is left; only then does py-spy draw."""
    places = {worker.role: CACHE / f"profile-{worker.role}.svg" for worker in system.workers}
    command = [
        str(tool),
        "record",
        "--format",
        "flamegraph",
        "--rate",
        SAMPLES_PER_S,
        "--threads",
        "--duration",
        "3600",
    ]
    with (CACHE / "profile.log").open("wb") as log:
        samplers = [
            subprocess.Popen(
                [*command, "--pid", str(worker.pid), "--output", str(places[worker.role])], stdout=log, stderr=log
            )
            for worker in system.workers
        ]
        try:
            yield
        finally:
            for sampler in samplers:
                _end(sampler)
    missing = [str(place) for place in places.values() if not place.exists()]
    if missing:
        raise GridtwinError(f"py-spy made no {', '.join(missing)}; see {CACHE / 'profile.log'}")
    print(*places.values(), sep="\n")


def _end(sampler: subprocess.Popen[bytes]) -> None:
    sampler.send_signal(signal.SIGINT)
    try:
        sampler.wait(STOP_S)
    except subprocess.TimeoutExpired:
        sampler.kill()
        sampler.wait()


def parts(metrics: dict[str, Any]) -> dict[str, float]:
    """Return processor time by phase, the longest first, then of what is left of the process."""
    phases, threads = dict(metrics["phase_s"]), dict(metrics["thread_s"])
    loop_s = threads.pop("MainThread")
    phases["event loop, all else, start included"] = loop_s - sum(phases.values())
    rest_s = metrics["process_cpu_s"] - loop_s - sum(threads.values())
    return {
        **dict(sorted(phases.items(), key=lambda pair: -pair[1])),
        "other threads of Python: fetching": sum(threads.values()),
        "threads of RocksDB and libraries": rest_s,
        "the whole process": metrics["process_cpu_s"],
    }


if __name__ == "__main__":
    sys.exit(main())
