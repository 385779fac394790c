"""`python -m tests.faults F1 --n 50 --seed 7`: run a row and append what came out; `report`: write docs/faults.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.matrix import ROWS
from tests.faults.planting import notice
from tests.faults.report import write
from tests.faults.row import Row
from tests.faults.run import run

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "faults.jsonl"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("row", help=", ".join((*ROWS, "planted", "report")))
    parser.add_argument("--n", type=int, default=0, help="faults; the row's least by default")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--dir", type=Path, default=None, help="where a run's files go, and stay")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.row == "report":
        write(RESULTS, RESULTS.with_suffix(".md"))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if asked.row == "planted":
        return _plant(asked)
    row = ROWS[asked.row]
    wrong = 0
    for result in _runs(asked.row, row, asked.n or row.least, asked.seed, asked.dir):
        wrong += result["wrong"]
        with asked.results.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(_sentence(result), flush=True)
    return min(wrong, 1)


def _runs(name: str, row: Row, count: int, seed: int, directory: Path | None) -> Any:
    done = 0
    while done < count:
        with tempfile.TemporaryDirectory(prefix=f"faults-{name}-") as scratch:
            here = directory / f"{name}-{seed}" if directory else Path(scratch) / "run"
            wanted = min(row.per_run, count - done)
            result = run(here, row.layout, seed, lambda trial, wanted=wanted: row.act(trial, wanted))
        done += max(1, result["faults"])
        yield {**_origin(name, seed), **result}
        if "failed" in result:
            return
        seed += 1


def _plant(asked: argparse.Namespace) -> int:
    """Plant every bug, print who saw it, and return 1 if nobody saw one."""
    missed = 0
    for bug, kind, seen_by in notice(asked.seed):
        missed += not seen_by
        result = {**_origin("planted", asked.seed), "bug": bug, "kind": kind, "seen_by": seen_by}
        with asked.results.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(f"{bug:58} {kind:9} {', '.join(seen_by) or 'NOT SEEN'}", flush=True)
    return min(missed, 1)


def _origin(name: str, seed: int) -> dict[str, Any]:
    return {
        "row": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "seed": seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _commit() -> str:
    """Return the commit; a + behind it tells of changes to the product that are not in it."""
    git = ["git", "--no-optional-locks"]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    changes = [*git, "diff", "--quiet", "HEAD", "--", "app", "agents", "tables"]
    return head.strip() + "+" * (subprocess.run(changes, cwd=ROOT).returncode != 0)


def _sentence(result: dict[str, Any]) -> str:
    times = sorted(result["recovered_s"]) or [0.0]
    checks = " ".join(f"{name}:{count}" for name, count in result["checks"].items() if count) or "all hold"
    return (
        f"{time.strftime('%H:%M:%S')} {result['row']} seed {result['seed']}: {result['faults']} faults, "
        f"{result['records']} records, {result['rows']} rows, {result['wrong']} wrong ({checks}); recovered p50 "
        f"{times[len(times) // 2]:.1f} s, max {times[-1]:.1f} s; {result['duration_s']} s"
    )


if __name__ == "__main__":
    sys.exit(main())
