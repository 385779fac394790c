"""Drain a loaded topic as fast as it goes: one twin and one rollup worker, then every row compared.

    .venv/bin/python benchmarks/drain.py --sites 50000 --duration-s 900

Everything is published before the clock starts. It runs from the moment both workers are ready to the moment the
last truth row is final in its topic; verification reads the topics again afterwards. Processor time is that of the
whole process of each role, by phase that of its event loop. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.dataset.format import Dataset
from app.demo.workers import WorkerProcess
from app.settings import Settings
from app.verify.compare import verify
from benchmarks.machine import describe_machine
from benchmarks.worlds import World, environ_of, loaded_broker

ROLES = ("twin", "rollup")
QUIET_S = 3.0
"""A role is done when it has had nothing left to read for this long."""


def main() -> int:
    given = _arguments()
    world = World(**vars(given))
    dataset = world.dataset()
    directory = Path(tempfile.mkdtemp(prefix="gridtwin-drain-"))
    workers: list[WorkerProcess] = []
    try:
        with loaded_broker(world, directory) as address:
            environ = {**environ_of(dataset, directory, address), "VPP_PROFILE": "on"}
            workers = [WorkerProcess(role, directory / role, environ) for role in ROLES]
            try:
                drained = _drain(workers)
                report = asyncio.run(verify(dataset, Settings.load(environ), timeout_s=120.0))
            finally:
                for worker in workers:
                    worker.stop()
        exact = {"rows": report.rows, "equal": report.equal, "exact": report.passed}
        print(json.dumps(describe_machine() | _shape(given, dataset) | drained | exact, indent=2))
        return 0 if report.passed else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=50_000)
    parser.add_argument("--duration-s", type=int, default=900)
    parser.add_argument("--interval-s", type=int, default=15)
    parser.add_argument("--window-s", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="load", help="of every device; a meter often changes its state")
    return parser.parse_args()


def _drain(workers: list[WorkerProcess]) -> dict[str, Any]:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.wait_ready()
    began_s = time.monotonic()
    last_s = began_s
    while time.monotonic() - last_s < QUIET_S:
        for worker in workers:
            worker.check()
        metrics = [worker.metrics() for worker in workers]
        if any(one.get("total_lag") or one.get("pending_records") for one in metrics):
            last_s = time.monotonic()
        time.sleep(0.1)
    return {"seconds": round(last_s - began_s, 1), "roles": dict(zip(ROLES, metrics, strict=True))}


def _shape(given: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    return {"given": vars(given), "readings": dataset.meta.readings, "levels": list(dataset.meta.levels)}


if __name__ == "__main__":
    sys.exit(main())
