"""How the cost grows with the size of a fleet, and what late storms cost; every row compared.

    python benchmarks/size.py [--whole] [--axes "sites;partitions"]

Without --whole it ends in about a quarter of an hour; with it, it takes hours and goes up to a million sites.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from app.errors import GridtwinError
from benchmarks.archive import RESULTS, now, write
from benchmarks.axes import Point, axes
from benchmarks.fleet import Fleet
from benchmarks.growth import drained, measure
from benchmarks.loading import broker_of, load
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.storms import backlog, late
from benchmarks.trial import scratch

STORMS = "late storms"
Measure = Callable[[], dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--axes", help="some of them, separated by semicolons; all if not given")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    work = _work(is_whole=given.whole)
    asked = given.axes.split(";") if given.axes else list(work)
    results = [_axis(name, work[name], is_whole=given.whole) for name in asked]
    return 0 if all(one.get("exact") for result in results for one in result["points"]) else 1


def _work(*, is_whole: bool) -> dict[str, list[Measure]]:
    work: dict[str, list[Measure]] = {
        name: [partial(measure, point) for point in points] for name, points in axes(is_whole=is_whole).items()
    }
    fleet = Fleet(sites=20_000 if is_whole else 2_000, interval_s=120 if is_whole else 300)
    work[STORMS] = [partial(_storm, name, fleet) for name in ("a tenth late", "six hours at once")]
    return work


def _axis(name: str, measures: list[Measure], *, is_whole: bool) -> dict[str, Any]:
    """Measure every point of an axis; the result is written after each."""
    result: dict[str, Any] = {
        "kind": "size", "shape": name, "is_quick": not is_whole, "at": now(), "machine": describe_machine(),
        "versions": describe_versions(), "points": [],
    }  # fmt: skip
    place = RESULTS / f"{result['at'][:10]}-size-{name.translate(WORDS)}{'' if is_whole else '-quick'}.json"
    for one in measures:
        print(f"{time.strftime('%H:%M:%S')} {name} {len(result['points']) + 1}", file=sys.stderr)
        result["points"].append(_measured(one))
        write(place, result)
    return result


def _measured(one: Measure) -> dict[str, Any]:
    """Return what was measured; what goes wrong is a result, too."""
    try:
        return one()
    except (GridtwinError, OSError) as error:
        print(error, file=sys.stderr)
        return {"exact": False, "error": str(error)[-500:]}


def _storm(name: str, fleet: Fleet) -> dict[str, Any]:
    telemetry, records = late(fleet, hours=4, share=0.1) if name == "a tenth late" else backlog(fleet, hours=6)
    with scratch() as directory, broker_of(fleet, directory) as address:
        load(address, records)
        return {"storm": name, **drained(Point(0, fleet), telemetry, directory, address)}


WORDS = str.maketrans({" ": "-", ",": None})

if __name__ == "__main__":
    sys.exit(main())
