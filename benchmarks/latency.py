"""From a reading to what people see: latency at several loads and cadences, with readings sent when they are due.

    python benchmarks/latency.py [--whole] [--only loads] [--drain-rate N]

A quarter, half and four fifths of the drain rate, at a cadence of 250 ms, and half of it as shipped; then half of it
at four cadences, with what each level writes. Times are the broker's, from when a reading was due. Without --whole it
takes some 18 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from typing import Any, NamedTuple

from app.errors import GridtwinError
from app.topics import level_topic
from benchmarks.archive import RESULTS, now, write
from benchmarks.axes import Point
from benchmarks.contenders import Ours
from benchmarks.figures import summary
from benchmarks.fleet import Fleet
from benchmarks.growth import measure
from benchmarks.loading import broker_of, environ_of_fleet
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.open_loop import OpenLoop
from benchmarks.outputs import compare
from benchmarks.probes import KINDS, PERIOD_MS, Probes
from benchmarks.processes import Watch
from benchmarks.seen import Span, look
from benchmarks.trial import scratch

SITES = 50_000
WINDOW_S, GRACE_S = 60, 5
WARM_S, LEAD_S = 15.0, 1.0
SETTLE_LIMIT_S = 180.0
TWINS_S = "15"
"""The shipped cadence of twins."""


class Load(NamedTuple):
    """A share of the drain rate, and the cadences of nodes and of twins."""

    share: float
    cadence_s: str
    twins_s: str


SWEEPS = {
    "loads": [*(Load(share, "0.25", TWINS_S) for share in (0.25, 0.5, 0.8)), Load(0.5, "1", TWINS_S)],
    "cadences": [Load(0.5, cadence_s, cadence_s) for cadence_s in ("0.1", "0.25", "1", "5")],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="five minutes each instead of 75 s")
    parser.add_argument("--seconds", type=float, help="how long each is measured")
    parser.add_argument("--only", choices=list(SWEEPS), help="one of the two")
    parser.add_argument("--drain-rate", type=int, help="readings per second; measured first if not given")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    drain_rate = given.drain_rate or _drain_rate()
    asked = [given.only] if given.only else list(SWEEPS)
    results = [_sweep(name, drain_rate, given) for name in asked]
    return 0 if all(one.get("exact") for result in results for one in result["runs"]) else 1


def _sweep(name: str, drain_rate: int, given: argparse.Namespace) -> dict[str, Any]:
    """Measure the loads of a sweep; the result is written after each."""
    seconds = given.seconds or (300.0 if given.whole else 75.0)
    result: dict[str, Any] = {
        "kind": "latency", "shape": name, "is_quick": not given.whole, "at": now(), "machine": describe_machine(),
        "versions": describe_versions(), "sites": SITES, "window_s": WINDOW_S, "seconds": seconds,
        "drain_rate": drain_rate, "runs": [],
    }  # fmt: skip
    place = RESULTS / f"{result['at'][:10]}-latency-{name}{'' if given.whole else '-quick'}.json"
    for load in SWEEPS[name]:
        result["runs"].append(_measured(load, drain_rate, seconds=seconds))
        write(place, result)
    return result


def _drain_rate() -> int:
    """Return the readings per second at which the backlog of `make bench` drains: of a short one, half is the start."""
    fleet = Fleet(sites=SITES, interval_s=15, window_s=WINDOW_S)
    return int(measure(Point(0, fleet, 900))["readings_per_s"])


def _measured(load: Load, drain_rate: int, *, seconds: float) -> dict[str, Any]:
    """Return what was measured; what goes wrong is a result, too."""
    rate = round(load.share * drain_rate)
    sites = max(SITES, rate)  # a device says one value a second at most
    held = {**load._asdict(), "rate": rate, "sites": sites}
    print(f"{time.strftime('%H:%M:%S')} {held}", file=sys.stderr)
    try:
        return held | _run(load, sites, rate, seconds)
    except (GridtwinError, OSError) as error:
        print(error, file=sys.stderr)
        return {**held, "exact": False, "error": str(error)[-500:]}


def _run(load: Load, sites: int, rate: int, seconds: float) -> dict[str, Any]:
    fleet = Fleet(sites=sites, interval_s=max(1, round(sites / rate)), window_s=WINDOW_S)
    changes = {
        "VPP_TELEMETRY_TIMESTAMPS": "append", "VPP_TICK_S": "1", "VPP_GRACE_S": str(GRACE_S),
        "VPP_PUBLISH_CADENCE_S": load.cadence_s, "VPP_TWIN_CADENCE_S": load.twins_s,
    }  # fmt: skip
    probes = Probes(fleet)
    with scratch() as directory, broker_of(fleet, directory, probes.topology(), **changes) as address:
        system = Ours(directory / "system", environ_of_fleet(fleet, address, **changes), fleet.levels)
        try:
            for worker in system.workers:
                worker.start()
            for worker in system.workers:
                worker.wait_ready()
            return asyncio.run(_send(system, fleet, probes, address, rate, seconds))
        finally:
            system.stop()


async def _send(
    system: Ours, fleet: Fleet, probes: Probes, address: str, rate: int, seconds: float
) -> dict[str, Any]:  # fmt: skip
    """Send at a rate, wait until all is said, and look at what was."""
    began_ms = int(1000 * (time.time() + LEAD_S))
    loop = OpenLoop(fleet, probes, rate=rate, began_ms=began_ms)
    span = Span(began_ms, began_ms + round(1000 * WARM_S), began_ms + round(1000 * (WARM_S + seconds)))
    with Watch(system.pids) as watch:
        sending = asyncio.create_task(loop.run(address, WARM_S + seconds))
        most_lag = await _watch_lag(system, sending)
        cpu_s = watch.cpu_between(span.from_ms / 1000, span.until_ms / 1000)
    return {
        "readings": loop.sent,
        "cores_used": round(cpu_s / seconds, 3),
        "most_lag": most_lag,
        "probed": expected(fleet, seconds),
        "settled_after_s": round(await _settled(system), 1),
        "sender_late_s": summary(loop.late_s),
        "levels": await look(address, fleet, probes, span, 1000 * GRACE_S),
        **await _judged(loop, fleet, address, over_ms=span.until_ms - 1000 * (GRACE_S + 1)),
    }


def expected(fleet: Fleet, seconds: float) -> int:
    """Return how many probes count; fewer are seen where latency was longer than a digit tells apart."""
    return round(fleet.partitions * len(KINDS) * seconds * 1000 / PERIOD_MS)


async def _judged(loop: OpenLoop, fleet: Fleet, address: str, *, over_ms: int) -> dict[str, Any]:
    """Compare the windows that were over at a time."""
    topics, before_ms = [level_topic(level) for level in fleet.levels], over_ms - 1000 * WINDOW_S + 1
    outcome = await compare(loop.account.truth(over_ms), address, topics, before_ms=before_ms)
    return {"rows": outcome.rows, "equal": outcome.equal, "exact": outcome.is_exact}


async def _watch_lag(system: Ours, sending: asyncio.Task[None]) -> dict[str, int]:
    """Wait until everything is sent; return the most records that each role was seen to be behind."""
    most = dict.fromkeys((worker.role for worker in system.workers), 0)
    while not sending.done():
        await asyncio.sleep(1.0)
        for worker in system.workers:
            worker.check()
            most[worker.role] = max(most[worker.role], int(worker.metrics().get("total_lag", 0)))
    await sending
    return most


async def _settled(system: Ours) -> float:
    """Wait until what was sent is folded and said; return the seconds that took."""
    began_s, quiet = time.monotonic(), 0
    while quiet < 3:
        await asyncio.sleep(1.0)
        system.check()
        lag = sum(int(worker.metrics().get("total_lag", 0)) for worker in system.workers)
        quiet = quiet + 1 if lag < 1000 else 0
        if time.monotonic() - began_s > SETTLE_LIMIT_S:
            raise GridtwinError(f"{lag} records were still behind after {SETTLE_LIMIT_S:.0f} s")
    await asyncio.sleep(6.0)
    return time.monotonic() - began_s


if __name__ == "__main__":
    sys.exit(main())
