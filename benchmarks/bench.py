"""The whole job beside what one would pick instead, in interleaved rounds on one machine; every row compared.

    python benchmarks/bench.py [--quick] [--rounds N] [--systems gridtwin,Faust]

Writes one JSON file and prints its table. A run whose rows differ from the oracle gives no figure.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.errors import GridtwinError
from benchmarks.contenders import ALL, QUICK, Plan
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.report import OURS, table
from benchmarks.trial import run
from benchmarks.worlds import CACHE, World

LIMIT_S = 600.0
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    given = _arguments()
    # A broker that has just started refuses a few batches, which are sent again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    sites = given.sites or (5_000 if given.quick else 50_000)
    world = World(sites=sites, duration_s=given.duration_s, seed=given.seed, kind=given.kind)
    plans = [plan for plan in (None, *(QUICK if given.quick else ALL)) if _is_asked(plan, given.systems)]
    result: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "world": {name: getattr(world, name) for name in world.__struct_fields__},
        "machine": describe_machine(), "versions": describe_versions(), "runs": [],
    }  # fmt: skip
    for number in range(1, given.rounds + 1):
        for plan in plans:
            result["runs"].append({"round": number, **_run(plan, world)})
            _write(given.out or _place(result, world, is_quick=given.quick), result)
    print(table(result))
    return 0 if all(one.get("exact") for one in result["runs"]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ours, Faust and Quix at a tenth")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--systems", help="their names, separated by semicolons; all if not given")
    parser.add_argument("--sites", type=int)
    parser.add_argument("--duration-s", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="load", help="of every device; a meter often changes its state")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 3)
    return given


def _is_asked(plan: Plan | None, systems: str | None) -> bool:
    return systems is None or (plan.name if plan else OURS) in systems.split(";")


def _run(plan: Plan | None, world: World) -> dict[str, Any]:
    """Run one system; what goes wrong is its result."""
    name = plan.name if plan else OURS
    print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr)
    try:
        return run(plan, plan.world(world) if plan else world, limit_s=LIMIT_S)
    except (GridtwinError, OSError) as error:
        print(error, file=sys.stderr)
        return {"system": name, "exact": False, "error": str(error)[-500:]}


def _place(result: dict[str, Any], world: World, *, is_quick: bool) -> Path:
    """Quick results, and those of a busy machine, are nothing to keep."""
    is_kept = not is_quick and not result["machine"]["is_busy"]
    return (RESULTS if is_kept else CACHE / "results") / f"{result['at'][:10]}-{world.name}.json"


def _write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
