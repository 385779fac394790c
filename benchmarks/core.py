"""The machine of one partition, in this process and without Kafka: processor time by step, windows of sites compared.

    python -m benchmarks.core [--sites 24000]

Under valgrind it is a profile that no other work on the machine disturbs: instructions by function.

    valgrind --tool=callgrind --callgrind-out-file=core.out python -m benchmarks.core --rounds 1
    callgrind_annotate --inclusive=yes core.out
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from app.compiled import is_in_use
from app.domain.rules import Rules
from app.domain.twin import SitePartition
from app.domain.units import Milliseconds
from app.kafka.clients import partition_of
from benchmarks.fleet import START_MS, Fleet, Telemetry

BATCH = 7_000
"""Records of a fetch of a mebibyte; every second one ends with a checkpoint."""
GRACE_MS = 30_000
STEPS = ("apply", "say", "remember")
Row = tuple[bytes, int]
"""A site and the start of a window."""


class Fetched(NamedTuple):
    """What a machine wants to know of a record."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


class NoDisk:
    """Rows are not read back: nothing comes late."""

    def get(self, *_: object) -> None:
        return None

    def scan(self, *_: object) -> Iterator[tuple[bytes, bytes]]:
        return iter(())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=24_000, help="of a fleet in eight partitions, of which one is run")
    parser.add_argument("--window-s", type=int, default=60)
    parser.add_argument("--readings", type=int, default=40, help="of each device")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    fleet = Fleet(sites=given.sites, interval_s=15, window_s=given.window_s)
    arriving = (one for one in Telemetry(fleet).steps(START_MS, given.readings) if one[1] == 0)
    records = [Fetched(offset, at, key, value) for offset, (at, _, key, value) in enumerate(arriving)]
    print("compiled" if is_in_use() else "not compiled", f"{len(records)} readings")
    for _ in range(given.rounds):
        machine = _machine(fleet)
        used_s, said = _drain(machine, records)
        truth = _truth(records, given.window_s * 1000)
        closed = [row for row in truth if row[1] < (machine.state.closed_through_ms or 0)]
        equal = sum(row in said and _numbers(said[row]) == truth[row] for row in closed)
        per_reading = {step: round(used_s[step] / len(records) * 1e6, 2) for step in STEPS}
        print(per_reading, f"us a reading, {equal} of {len(closed)} windows of sites equal")
        if not 0 < equal == len(closed):
            return 1
    return 0


def _machine(fleet: Fleet) -> SitePartition:
    home = lru_cache(maxsize=None)(lambda key: partition_of(key, fleet.partitions))
    window_ms = Milliseconds(fleet.window_s * 1000)
    rules = Rules(partitions=fleet.partitions, window_ms=window_ms, grace_ms=Milliseconds(GRACE_MS))
    machine = SitePartition(0, rules, home, NoDisk())
    for offset, (name, is_node, record) in enumerate(fleet.topology()):
        if is_node:
            machine.learn_node(name, record, offset)  # type: ignore[arg-type]
        elif home(name.encode()) == 0:
            machine.learn_site(name, record, offset)  # type: ignore[arg-type]
    return machine


def _drain(machine: SitePartition, records: list[Fetched]) -> tuple[dict[str, float], dict[Row, bytes]]:
    """Fold all of it as a worker that has a backlog does; return seconds by step, and windows of sites as last said."""
    gc.collect()
    gc.freeze()
    used_s: dict[str, float] = defaultdict(float)
    said: dict[Row, bytes] = {}
    for number, first in enumerate(range(0, len(records), BATCH)):
        is_checkpoint = bool(number % 2) or first + BATCH >= len(records)
        marks = [time.process_time()]
        machine.apply(records[first : first + BATCH], settled=True)
        marks.append(time.process_time())
        sayings = machine.say(behind=True, site_windows=is_checkpoint)
        marks.append(time.process_time())
        if is_checkpoint:
            machine.remember()
            machine.remembered()
        marks.append(time.process_time())
        for step, begin, end in zip(STEPS, marks, marks[1:], strict=False):
            used_s[step] += end - begin
        said |= {_row(key): value for _, key, value in sayings.site_windows}
    return used_s, said


def _row(key: bytes) -> Row:
    site, _, start = key.rpartition(b"|")
    return site, int(start)


def _truth(records: list[Fetched], window_ms: int) -> dict[Row, tuple[int, int]]:
    """Return readings and their sum by site and window."""
    sums: dict[Row, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in records:
        reading = msgspec.json.decode(one.value)
        row = one.key, reading["measured_at_ms"] // window_ms * window_ms
        sums[row] = sums[row][0] + 1, sums[row][1] + reading["active_power_w"]
    return sums


def _numbers(said: bytes) -> tuple[int, int]:
    total = msgspec.json.decode(said)["kinds"]["all"]
    return total["readings"], total["sum_w"]


if __name__ == "__main__":
    sys.exit(main())
