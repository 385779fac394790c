"""Seeded disturbances of a stream of arrivals that never change what it adds up to."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from app.dataset.format import Arrival
from app.replay.poison import poison_of

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


def disturb(arrivals: Iterable[Arrival], shares: Shares, *, seed: int, end_ms: int) -> Iterator[Sent]:
    """Yield records in the order of their place: later ones are held in a heap no longer than they are late.

    A shuffled record keeps its timestamp but comes after its neighbours; a late one arrives late. Both stay
    before *end_ms*, so that their windows are still open or can still be corrected.
    """
    chance = random.Random(seed)
    held: list[Sent] = []
    number = 0
    for arrival in arrivals:
        while held and held[0].at_ms <= arrival.arrived_at_ms:
            yield heapq.heappop(held)
        for at_ms, timestamp_ms, key, value in _copies(arrival, shares, chance, end_ms):
            number += 1
            heapq.heappush(held, Sent(at_ms, number, timestamp_ms, key, value))
    while held:
        yield heapq.heappop(held)


def _copies(
    arrival: Arrival, shares: Shares, chance: random.Random, end_ms: int
) -> Iterator[tuple[int, int, bytes, bytes]]:
    key, value, at_ms = arrival.site.encode(), bytes(arrival.value), arrival.arrived_at_ms
    timestamp_ms = at_ms
    if chance.random() < shares.late:
        at_ms = timestamp_ms = min(at_ms + chance.randrange(1, LONGEST_LATE_MS), max(at_ms, end_ms))
    elif chance.random() < shares.shuffle:
        at_ms += chance.randrange(1, SHUFFLE_MS)
    yield at_ms, timestamp_ms, key, value
    if chance.random() < shares.duplicate:
        again_ms = min(at_ms + chance.randrange(1, LONGEST_DUPLICATE_MS), max(at_ms, end_ms))
        yield again_ms, again_ms, key, value
    if chance.random() < shares.poison:
        yield at_ms, timestamp_ms, *poison_of(chance, key, value, at_ms)
