"""The whole job beside what one would pick instead, in interleaved rounds on one machine; every row compared.

    python benchmarks/bench.py [--quick] [--rounds N] [--shapes minute,quarter] [--systems "gridtwin;Faust"]

Writes one JSON file per shape after every run, and prints its table. A run whose rows differ from the oracle gives
no figure. A result tells how busy the machine was before it began.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.errors import GridtwinError
from benchmarks.archive import RESULTS, now, write
from benchmarks.contenders import Own, Plan
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.report import table
from benchmarks.shapes import SHAPES, plans
from benchmarks.trial import run
from benchmarks.worlds import AnyWorld, World

LIMIT_S = 600.0


def main() -> int:
    given = _arguments()
    # A broker that has just started refuses a few batches, which are sent again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    results = [_bench(name, given) for name in given.shapes.split(",")]
    return 0 if all(one.get("exact") for result in results for one in result["runs"]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ours, Faust and Quix at a tenth, the first shape only")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--shapes", help=f"some of {', '.join(SHAPES)}, separated by commas; all if not given")
    parser.add_argument("--systems", help="their names, separated by semicolons; all if not given")
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 3)
    given.shapes = given.shapes or ("minute" if given.quick else ",".join(SHAPES))
    return given


def _bench(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Run the rounds of one shape; one system after the other in each, so that all meet the same weather."""
    shape = SHAPES[name]
    world = shape.quick if given.quick else shape.world
    asked = [
        plan for plan in plans(shape, is_quick=given.quick and not given.systems) if _is_asked(plan, given.systems)
    ]
    result: dict[str, Any] = {
        "kind": "bench", "shape": name, "is_quick": given.quick, "at": now(), "job": world.described,
        "machine": describe_machine(), "versions": describe_versions(), "runs": [],
    }  # fmt: skip
    for number in range(1, given.rounds + 1):
        for plan in asked:
            result["runs"].append({"round": number, **_run(plan, world)})
            write(_place(result), result)
    print(table(result))
    return result


def _is_asked(plan: Own | Plan, systems: str | None) -> bool:
    return systems is None or plan.name in systems.split(";")


def _run(plan: Own | Plan, world: AnyWorld) -> dict[str, Any]:
    """Run one system; what goes wrong is its result."""
    print(f"{time.strftime('%H:%M:%S')} {plan.name}", file=sys.stderr)
    try:
        mine = plan.world(world) if isinstance(plan, Plan) and isinstance(world, World) else world
        return run(plan, mine, limit_s=LIMIT_S)
    except (GridtwinError, OSError) as error:
        print(error, file=sys.stderr)
        return {"system": plan.name, "exact": False, "error": str(error)[-500:]}


def _place(result: dict[str, Any]) -> Path:
    return RESULTS / f"{result['at'][:10]}-bench-{result['shape']}{'-quick' if result['is_quick'] else ''}.json"


if __name__ == "__main__":
    sys.exit(main())
