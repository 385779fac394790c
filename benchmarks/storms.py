"""Telemetry that comes late: a share of it into closed windows, or hours of it from every site at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from random import Random

from benchmarks.axes import HOUR_S
from benchmarks.fleet import START_MS, Fleet, Record, Telemetry, with_ticks
from benchmarks.growth import GRACE_MS, closing_ms

DELAYS_MS = (30 * 60_000, 120 * 60_000)


def late(fleet: Fleet, *, hours: int, share: float) -> tuple[Telemetry, Iterator[Record]]:
    """Return telemetry of which a share comes half an hour to two hours late, into windows that are closed."""
    telemetry = Telemetry(fleet)
    end_ms = START_MS + 1000 * HOUR_S * hours
    records = delayed(telemetry.steps(START_MS, hours * HOUR_S // fleet.interval_s), share=share, seed=fleet.seed)
    return telemetry, with_ticks(records, fleet, START_MS, closing_ms(fleet, end_ms) + DELAYS_MS[1])


def delayed(records: Iterable[Record], *, share: float, seed: int) -> Iterator[Record]:
    """Yield records in the order of their arrival, some of them later than they came."""
    chance, held = Random(seed), list[Record]()
    for record in records:
        while held and held[0][0] <= record[0]:
            yield heapq.heappop(held)
        if chance.random() < share:
            heapq.heappush(held, (record[0] + chance.randrange(*DELAYS_MS), *record[1:]))
        else:
            yield record
    while held:
        yield heapq.heappop(held)


def backlog(fleet: Fleet, *, hours: int) -> tuple[Telemetry, Iterator[Record]]:
    """Return telemetry of which all but each device's first reading comes hours later, at once, site by site."""
    telemetry = Telemetry(fleet)
    begin_ms = START_MS + 1000 * fleet.interval_s
    back_ms = closing_ms(fleet, begin_ms + 1000 * HOUR_S * hours) + GRACE_MS

    def records() -> Iterator[Record]:
        yield from telemetry.step(START_MS)
        held = sorted(telemetry.steps(begin_ms, hours * HOUR_S // fleet.interval_s), key=lambda record: record[2])
        yield from ((back_ms, home, key, value) for _, home, key, value in held)

    return telemetry, with_ticks(records(), fleet, START_MS, closing_ms(fleet, back_ms))
