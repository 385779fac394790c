"""`python -m tests.simulation`: run schedules, or make the smallest of one that fails.

--seeds 10000 [--first 0]   run that many and print those that go wrong
--seeds 300 --digest        print whether the core is compiled, and a digest of every byte that it says and remembers
--seed 17                   run one; if it goes wrong, look for the fewest faults, changes and records that still do
--limits 12 4 1000          with at most so many faults, changes of topology and records of a partition in each
"""

from __future__ import annotations

import argparse
import hashlib
import sys

from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from app.compiled import is_in_use
from tests.simulation.run import Limits, Result, Schedule, run

SHOWN = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--limits", type=int, nargs=3, default=Limits())
    parser.add_argument("--digest", action="store_true")
    given = parser.parse_args()
    seeds, limits = range(given.first, given.first + given.seeds), Limits(*given.limits)
    if given.digest:
        return _digest(seeds)
    if given.seed is not None:
        return _one(given.seed, limits)
    return _many(seeds, limits)


def _digest(seeds: range) -> int:
    """Two cores that print the same said and remembered the same bytes."""
    print("compiled" if is_in_use() else "as it is")
    whole = hashlib.sha256()
    for seed in seeds:
        schedule = Schedule(seed, Limits())
        if differences := schedule.run().differences:
            print(f"seed {seed}: {differences[:SHOWN]}")
        whole.update(schedule.digest().encode())
    print(whole.hexdigest())
    return 0


def _many(seeds: range, limits: Limits) -> int:
    failed = crashes = records = 0
    for seed in seeds:
        result = run(seed, limits)
        crashes, records = crashes + result.crashes, records + result.records
        if result.differences:
            failed += 1
            print(f"seed {seed}: {len(result.differences)} differences; python -m tests.simulation --seed {seed}")
    print(f"{len(seeds)} schedules, {crashes} crashes, {records} records, {failed} wrong")
    return int(failed > 0)


def _one(seed: int, limits: Limits) -> int:
    result = run(seed, limits)
    _tell(result)
    if not result.differences:
        return 0
    smallest = shrink(seed, limits.changes)
    print(f"the smallest that still fails: {smallest}")
    _tell(run(seed, smallest))
    return 1


def shrink(seed: int, most_changes: int) -> Limits:
    """Let Hypothesis look for the fewest faults, changes and records with which a seed still fails."""
    limits = st.builds(
        Limits, faults=st.integers(0, 12), changes=st.integers(0, most_changes), records=st.integers(1, 400)
    )
    effort = settings(max_examples=400, database=None, deadline=None, phases=[Phase.generate, Phase.shrink])
    return find(limits, lambda one: bool(run(seed, one).differences), settings=effort)


def _tell(result: Result) -> None:
    print(
        f"seed {result.seed}: {result.crashes} crashes, {result.records} records, {len(result.differences)} differences"
    )
    for line in result.differences[:SHOWN]:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
