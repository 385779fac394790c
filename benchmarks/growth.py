"""One fleet through one worker of each role: drained, measured, killed twice, and every row compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.errors import GridtwinError
from app.topics import NODE_CHANGELOG, TWIN_CHANGELOG, WINDOW_CHANGELOG
from benchmarks.axes import Point
from benchmarks.contenders import Ours
from benchmarks.fleet import START_MS, Fleet, Record, Telemetry, with_ticks
from benchmarks.loading import broker_of, environ_of_fleet, load
from benchmarks.outputs import Outcome
from benchmarks.processes import Watch, disk_bytes, log_bytes, resident_bytes
from benchmarks.trial import first_fetch, scratch, until_done, written_records

CHANGELOGS = (TWIN_CHANGELOG, WINDOW_CHANGELOG, NODE_CHANGELOG)
LIMIT_S = 900.0
GRACE_MS = 120_000
POLL_S = 0.1


def measure(point: Point) -> dict[str, Any]:
    """Return what was measured at a point."""
    fleet, telemetry = point.fleet, Telemetry(point.fleet)
    with scratch() as directory, broker_of(fleet, directory) as address:
        end_ms = START_MS + 1000 * point.duration_s
        load(address, with_ticks(telemetry.steps(START_MS, point.steps), fleet, START_MS, closing_ms(fleet, end_ms)))
        return drained(point, telemetry, directory, address)


def drained(point: Point, telemetry: Telemetry, directory: Path, address: str) -> dict[str, Any]:
    """Drain what was loaded, and restart if the point asks for it."""
    environ = environ_of_fleet(point.fleet, address, VPP_PROFILE="on", **dict(point.environ))
    system = Ours(directory / "system", environ, point.fleet.levels)
    try:
        measured = {"at": point.at, **_drain(system, telemetry, address)}
        measured |= _used(system, directory) | {"written_records": asyncio.run(written_records(address))}
        if point.restarts and measured["exact"]:
            measured |= _restart(system, point, telemetry, address)
        return measured
    finally:
        system.stop()


def _drain(system: Ours, telemetry: Telemetry, address: str) -> dict[str, Any]:
    truth = telemetry.truth()
    system.start()
    with Watch(system.pids) as watch:
        began_s = first_fetch(system, LIMIT_S)
        outcome = until_done(system, truth, address, LIMIT_S)
        _settle(system)
    seconds = outcome.ended_s - began_s
    cpu_s = watch.cpu_between(began_s, outcome.ended_s)
    return {
        "readings": telemetry.readings,
        "sites": telemetry.fleet.sites,
        "seconds": round(seconds, 2),
        "readings_per_s": round(telemetry.readings / seconds),
        "cpu_us_per_reading": round(1e6 * cpu_s / telemetry.readings, 2),
        "peak_memory_bytes": watch.peak_bytes,
        **_judged(outcome),
    }


def _judged(outcome: Outcome) -> dict[str, Any]:
    return {"rows": outcome.rows, "equal": outcome.equal, "exact": outcome.is_exact}


def _settle(system: Ours) -> None:
    """Wait until everything is remembered: what a worker holds then it holds at rest."""
    until_s = time.monotonic() + LIMIT_S
    while any(
        worker.metrics().get("total_lag") or worker.metrics().get("pending_records") for worker in system.workers
    ):
        system.check()
        if time.monotonic() > until_s:
            raise GridtwinError("the workers were not done in time")
        time.sleep(POLL_S)


def _used(system: Ours, directory: Path) -> dict[str, Any]:
    """Return what each worker holds, and what it did."""
    twin, rollup = (worker.metrics() for worker in (system.twin, system.rollup))
    return {
        "resident_bytes": {worker.role: resident_bytes(worker.pid) for worker in system.workers},
        "disk_bytes": {worker.role: disk_bytes(worker.directory) for worker in system.workers},
        "changelog_bytes": {topic: log_bytes(directory / "broker" / "data", topic) for topic in CHANGELOGS},
        "rows_per_reading": round(twin["rows"] / max(1, twin["records"]), 3),
        "longest_stall_s": {"twin": round(twin["longest_stall_s"], 3), "rollup": round(rollup["longest_stall_s"], 3)},
        "longest_flush_s": {"twin": round(twin["longest_flush_s"], 3), "rollup": round(rollup["longest_flush_s"], 3)},
        "phase_s": {"twin": twin["phase_s"], "rollup": rollup["phase_s"]},
        "thread_s": {"twin": twin["thread_s"], "rollup": rollup["thread_s"]},
    }


def _restart(system: Ours, point: Point, telemetry: Telemetry, address: str) -> dict[str, Any]:
    """Kill both workers twice while a reading of every device waits for them."""
    measured: dict[str, Any] = {}
    begin_ms = _next_ms(point.fleet, START_MS + 1000 * point.duration_s)
    for how in ("warm", "cold"):
        for worker in system.workers:
            worker.kill(wipe=how == "cold")
        load(address, _one_more(telemetry, begin_ms))
        measured |= {f"{name}_{how}_s": round(seconds, 2) for name, seconds in _started(system, telemetry, address)}
        begin_ms = _next_ms(point.fleet, begin_ms + 1000 * point.fleet.interval_s)
    return measured | _judged(until_done(system, telemetry.truth(), address, LIMIT_S))


def _started(system: Ours, telemetry: Telemetry, address: str) -> Iterator[tuple[str, float]]:
    began_s = time.time()
    for worker in system.workers:
        worker.start()
    for worker in system.workers:
        worker.wait_ready()
    yield "ready", time.time() - began_s
    yield "caught_up", until_done(system, telemetry.truth(), address, LIMIT_S).ended_s - began_s


def _one_more(telemetry: Telemetry, begin_ms: int) -> Iterator[Record]:
    fleet = telemetry.fleet
    end_ms = closing_ms(fleet, begin_ms + 1000 * fleet.interval_s)
    return with_ticks(telemetry.step(begin_ms), fleet, begin_ms, end_ms)


def closing_ms(fleet: Fleet, end_ms: int) -> int:
    """Return when the last window of what ended is closed."""
    window_ms = 1000 * fleet.window_s
    return -(-end_ms // window_ms) * window_ms + GRACE_MS + 60_000


def _next_ms(fleet: Fleet, end_ms: int) -> int:
    """Return the beginning of a window that is not closed yet."""
    window_ms = 1000 * fleet.window_s
    return -(-closing_ms(fleet, end_ms) // window_ms) * window_ms
