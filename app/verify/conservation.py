"""Conservation: every record of telemetry is a tick or read; every reading is applied, repeated or rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from app import topics
from app.domain.contracts import TwinUpdated
from app.kafka.clients import partition_of, read_to_end

WHITESPACE = b" \t\r\n"

_decode_twin = msgspec.json.Decoder(TwinUpdated).decode


class Ledger(NamedTuple):
    """What became of one telemetry partition's readings."""

    records: int
    ticks: int
    readings: int
    applied: int
    duplicate: int
    conflicting: int
    rejected: int

    @property
    def is_balanced(self) -> bool:
        return self.readings == self.applied + self.duplicate + self.conflicting + self.rejected


class Rejections(NamedTuple):
    """Rejected items of each record (an empty tuple: all of it), and readings by reason."""

    items: dict[tuple[int, int], tuple[int, ...]]
    reasons: Counter[str]


async def read_ledgers(broker: str, partitions: int) -> tuple[dict[int, Ledger], Counter[str]]:
    """Return the ledger of every partition, and rejected records by reason."""
    rejections = await _rejections(broker)
    twins = await _twins(broker, partitions)
    ledgers = {partition: [0, 0, 0, 0] for partition in range(partitions)}
    async for record in read_to_end(broker, topics.TELEMETRY):
        ledger = ledgers[record.partition]
        ledger[0] += 1
        if record.key == b"" and record.value == b"":
            ledger[1] += 1
        else:
            count = _count(record.value or b"")
            ledger[2] += count
            items = rejections.items.get((record.partition, record.offset))
            ledger[3] += 0 if items is None else len(items) or count
    found = {
        partition: Ledger(records, ticks, readings, *twins[partition], rejected)
        for partition, (records, ticks, readings, rejected) in ledgers.items()
    }
    return found, rejections.reasons


def ledger_faults(ledgers: Mapping[int, Ledger], readings: int) -> list[str]:
    """Return what does not add up, in each partition and in all."""
    faults = [
        f"partition {partition}: {ledger.readings} readings, but {ledger.applied} applied + {ledger.duplicate} "
        f"duplicate + {ledger.conflicting} conflicting + {ledger.rejected} rejected"
        for partition, ledger in ledgers.items()
        if not ledger.is_balanced
    ]
    applied = sum(ledger.applied for ledger in ledgers.values())
    if applied != readings:
        faults.append(f"{applied} readings applied, the dataset has {readings}")
    return faults


def _count(value: bytes) -> int:
    """Return how many readings a value holds; one that cannot be read counts as one."""
    if not value.lstrip(WHITESPACE).startswith(b"["):
        return 1
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return 1
    return len(items) or 1


async def _rejections(broker: str) -> Rejections:
    found = Rejections({}, Counter())
    async for record in read_to_end(broker, topics.REJECTED):
        headers = dict(record.headers)
        where = int(headers["vpp-partition"]), int(headers["vpp-offset"])
        if where not in found.items:
            found.reasons[headers["vpp-reason"].decode()] += 1
        found.items[where] = tuple(map(int, filter(None, headers["vpp-items"].decode().split(","))))
    return found


async def _twins(broker: str, partitions: int) -> dict[int, tuple[int, int, int]]:
    newest: dict[str, TwinUpdated] = {}
    async for record in read_to_end(broker, topics.TWIN_UPDATED):
        if record.value is not None:
            twin = _decode_twin(record.value)
            if twin.site not in newest or twin.revision >= newest[twin.site].revision:
                newest[twin.site] = twin
    sums = dict.fromkeys(range(partitions), (0, 0, 0))
    for name, twin in newest.items():
        home = partition_of(name.encode(), partitions)
        applied, duplicate, conflicting = sums[home]
        counts = twin.readings
        sums[home] = (applied + counts.applied, duplicate + counts.duplicate, conflicting + counts.conflicting)
    return sums
