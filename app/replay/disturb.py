"""Seeded disturbances of a stream: doubled, out of order, late, and bad records between; none changes the truth."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from app.dataset.format import Arrival
from app.replay.poison import Good, poison_of

SHUFFLE_MS = 60_000
LONGEST_DUPLICATE_MS = 3_600_000
LONGEST_LATE_MS = 4 * 3_600_000


class Shares(NamedTuple):
    """Which share of records is disturbed how; 0 to 1."""

    duplicate: float = 0.0
    shuffle: float = 0.0
    late: float = 0.0
    poison: float = 0.0


class Sent(NamedTuple):
    """A record to be published; `at_ms` is its place in the stream, `timestamp_ms` what it is stamped."""

    at_ms: int
    number: int
    timestamp_ms: int
    key: bytes
    value: bytes
    shift: int = 0
    """How many partitions off its key's it goes to: 0 unless it is meant to be wrong."""


class Limits(NamedTuple):
    """Until when the stream goes on, and how old a reading may be."""

    end_ms: int
    horizon_ms: int


def disturb(arrivals: Iterable[Arrival], shares: Shares, *, seed: int, end_ms: int, horizon_ms: int) -> Iterator[Sent]:
    """Yield records in the order of their place: later ones are held in a heap no longer than they are late.

    A shuffled record keeps its timestamp but comes after its neighbours; a late one arrives late. Both stay
    before *end_ms*, and within the horizon of their readings.
    """
    chance = random.Random(seed)
    limits = Limits(end_ms, horizon_ms)
    held: list[Sent] = []
    number = 0
    before = Arrival("", 0, msgspec.Raw(b""))
    for arrival in arrivals:
        while held and held[0].at_ms <= arrival.arrived_at_ms:
            yield heapq.heappop(held)
        for at_ms, *copy in _copies(arrival, before, shares, chance, limits):
            number += 1
            heapq.heappush(held, Sent(at_ms, number, *copy))
        before = before if arrival.site == before.site else arrival
    while held:
        yield heapq.heappop(held)


def _copies(arrival: Arrival, before: Arrival, shares: Shares, chance: random.Random, limits: Limits) -> Iterator[Any]:
    """Yield place, timestamp, key, value, and how many partitions off; *before* is what another site said."""
    key, value, at_ms = arrival.site.encode(), bytes(arrival.value), arrival.arrived_at_ms
    timestamp_ms = at_ms
    if chance.random() < shares.late:
        at_ms = timestamp_ms = _later(at_ms, chance.randrange(1, LONGEST_LATE_MS), value, limits)
    elif chance.random() < shares.shuffle:
        at_ms = _later(at_ms, chance.randrange(1, SHUFFLE_MS), value, limits)
    yield at_ms, timestamp_ms, key, value
    if chance.random() < shares.duplicate:
        again_ms = _later(at_ms, chance.randrange(1, LONGEST_DUPLICATE_MS), value, limits)
        yield again_ms, again_ms if again_ms > at_ms else timestamp_ms, key, value
    if chance.random() < shares.poison:
        good = Good(key, value, at_ms, before.site.encode(), bytes(before.value))
        yield at_ms, timestamp_ms, *poison_of(chance, good)


def _later(at_ms: int, by_ms: int, value: bytes, limits: Limits) -> int:
    """Return a later place, unless it would change which of the record's readings are admitted.

    A reading measured after it arrived may be refused only as long as it is early: its record stays.
    """
    measured = _measured(value)
    if not measured or max(measured) > at_ms:
        return at_ms
    return max(at_ms, min(at_ms + by_ms, limits.end_ms, int(min(measured)) + limits.horizon_ms))


def _measured(value: bytes) -> list[float]:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return []
    times = [one.get("measured_at_ms") for one in (document if isinstance(document, list) else [document])
             if isinstance(one, dict)]  # fmt: skip
    return [at for at in times if isinstance(at, int | float)]
