"""C1 to C9: what must hold of the evidence, each a list of sentences about what does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.faults.case import FINAL, LIVE, Case
from tests.faults.checkers_values import Finding, conserved, exact, parents_add_up
from tests.faults.evidence import Evidence

VERSION_BYTES = 8
FIXED_MEMORY_BYTES = 384 << 20
"""Of a worker without sites: interpreter and libraries, and every buffer at its bound."""
DEVICE_MEMORY_BYTES = 3_000
"""Of a site of one device: its state, its rows and what is said of it while that is sent."""
MOST_HANDLES = 1_000
MOST_THREADS = 64
SLOWEST_S = 60.0
STEADY_SAMPLES = 600
STEADY_SHARE = 0.1


def monotone(case: Case) -> Finding:
    """C4: one revision of a key is one content: a reader that keeps the newest never sees a value go back."""
    contents: dict[tuple[str, bytes, int], Any] = {}
    for name in ("levels", "sites"):
        for record in getattr(case.evidence, name):
            if record.key.endswith(LIVE):
                continue
            content = (record.value["kinds"], record.value.get("sites"))
            held = contents.setdefault((name, record.key, record.value["revision"]), content)
            if held != content:
                yield f"{record.key!r}: revision {record.value['revision']} has two contents"


def final_once(case: Case) -> Finding:
    """C5: what was final is final once: it stays, and changes as `corrected` only."""
    held: dict[bytes, dict[str, Any]] = {}
    for record in case.evidence.levels:
        row, before = record.value, held.get(record.key)
        if record.key.endswith(LIVE) or (before is not None and row["revision"] < before["revision"]):
            continue
        if before is not None and before["status"] in FINAL:
            if row["status"] not in FINAL:
                yield f"{record.key!r}: {before['status']} became {row['status']} at revision {row['revision']}"
            elif row["kinds"] != before["kinds"] and row["status"] != "corrected":
                yield f"{record.key!r}: changed after it was {before['status']}, as {row['status']}"
        held[record.key] = row


def replicas_equal(case: Case) -> Finding:
    """C6: a disk holds what an independent replay of its changelog gives, byte for byte, and no row more."""
    for (table, partition), disks in case.evidence.disks.items():
        changelog = case.evidence.changelogs.get((table, partition), [])
        wanted = replayed(changelog)
        complete = [disk for disk in disks if disk.rows == wanted]
        if not complete:
            best = max(disks, key=lambda disk: disk.offset)
            different = [key for key in best.rows.keys() | wanted.keys() if best.rows.get(key) != wanted.get(key)]
            yield f"{table}-{partition}: {len(different)} of {len(wanted)} rows differ: {different[:2]}"


def replayed(changelog: list[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """Return the rows of a changelog; of two versions of one the newer, whichever came last."""
    rows: dict[bytes, bytes] = {}
    for key, value in changelog:
        if value is None:
            rows.pop(key, None)
        elif key not in rows or rows[key][:VERSION_BYTES] <= value[:VERSION_BYTES]:
            rows[key] = value
    return rows


def live_again(case: Case) -> Finding:
    """C7: after healing nothing waits: lag is 0, and the last window that time has passed is final everywhere."""
    if case.evidence.lag:
        yield f"{case.evidence.lag} records were never folded"
    for seconds in case.evidence.recovered_s:
        if seconds > SLOWEST_S:
            yield f"a recovery took {seconds:.1f} s, allowed {SLOWEST_S:g} s"
    last = max((start for _, start in case.nodes if start < case.closed_ms), default=None)
    for (node, start), row in case.nodes.items():
        if start == last and row["status"] not in FINAL:
            yield f"{node} {start}: the last window is {row['status']}"


def stale_writes(evidence: Evidence) -> int:
    """Return how many rows in the changelogs are older than one of their key before them."""
    count = 0
    for changelog in evidence.changelogs.values():
        newest_version: dict[bytes, bytes] = {}
        for key, value in changelog:
            if value is None:
                newest_version.pop(key, None)
                continue
            held = newest_version.get(key, b"")
            count += value[:VERSION_BYTES] < held
            newest_version[key] = max(held, value[:VERSION_BYTES])
    return count


def stale_harmless(case: Case) -> Finding:
    """C8: where a stale writer's row is the last of its key in a changelog, a newer one is on the disk."""
    for (table, partition), changelog in case.evidence.changelogs.items():
        last = {key: value for key, value in changelog if value is not None}
        disks = case.evidence.disks.get((table, partition), [])
        for disk in sorted(disks, key=lambda disk: disk.offset)[-1:]:  # the others are former owners'
            older = [key for key, value in last.items() if disk.rows.get(key, value)[:8] < value[:8]]
            if older:
                yield f"{table}-{partition}: {len(older)} rows on disk are older than the changelog's last: {older[:2]}"


def bounded(case: Case) -> Finding:
    """C9: memory, handles and threads of every worker stay below their caps, and, in a long run, do not grow."""
    caps = {"memory_bytes": most_memory_bytes(case.evidence), "handles": MOST_HANDLES, "threads": MOST_THREADS}
    for name, cap in caps.items():
        worst = max(case.evidence.samples, key=lambda sample: sample[name], default=None)
        if worst is not None and worst[name] > cap:
            yield f"{worst['worker']}: {worst[name]} {name}, allowed {cap}"
        yield from _steady(case.evidence.samples, name)


def most_memory_bytes(evidence: Evidence) -> int:
    """Return what a worker that has all of a fleet may hold: more is a leak, or a buffer without a bound."""
    devices = sum(len(site["devices"]) for site in evidence.topology["sites"].values())
    return FIXED_MEMORY_BYTES + DEVICE_MEMORY_BYTES * devices


def _steady(samples: list[dict[str, Any]], name: str) -> Finding:
    """Of a process that was sampled for long, compare the last third with the middle one."""
    lives: dict[tuple[str, int], list[int]] = defaultdict(list)
    for sample in samples:
        lives[sample["worker"], sample["pid"]].append(sample[name])
    for (worker, _), values in lives.items():
        if len(values) >= STEADY_SAMPLES:
            third = len(values) // 3
            middle, last = (sum(part) / third for part in (values[third : 2 * third], values[-third:]))
            if last > middle * (1 + STEADY_SHARE):
                yield f"{worker}: {name} grew from {middle:.0f} to {last:.0f}"


class Checker(NamedTuple):
    """A checker and what it stands for."""

    name: str
    holds: str
    find: Callable[[Case], Finding]


CHECKERS = [
    Checker("C1", "every number is what the raw log adds up to", exact),
    Checker("C2", "a parent is the sum of its children", parents_add_up),
    Checker("C3", "every record has one destination", conserved),
    Checker("C4", "one revision is one content", monotone),
    Checker("C5", "final once, then corrected", final_once),
    Checker("C6", "disk = replay of the changelog", replicas_equal),
    Checker("C7", "lag 0 and all final after healing", live_again),
    Checker("C8", "stale writes have no effect", stale_harmless),
    Checker("C9", "memory, handles, threads bounded", bounded),
]


def check(case: Case) -> dict[str, list[str]]:
    """Return what each checker found."""
    return {checker.name: list(checker.find(case)) for checker in CHECKERS}
