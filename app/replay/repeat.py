"""A dataset that goes on: every pass is the one before it, a whole number of days later."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from app.dataset.format import Arrival, Dataset

DAY_MS = 86_400_000
ENDLESS_MS = 1 << 53

_encode = msgspec.json.Encoder().encode


class RepeatedDataset(Dataset):
    """Plays a dataset again and again; what it adds up to is known of the first pass only.

    The same readings again would be duplicates of themselves, so later passes are measured and arrive later. Whole
    days keep windows and reporting intervals where they are within a day. Sites and devices must be valid throughout.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.period_ms = -((self.meta.start_ms - self.meta.end_ms) // DAY_MS) * DAY_MS
        self.meta = msgspec.structs.replace(self.meta, end_ms=ENDLESS_MS)

    def telemetry(self) -> Iterator[Arrival]:
        """Yield arrivals without end."""
        for number in count():
            for arrival in super().telemetry():
                yield later(arrival, number * self.period_ms)


def later(arrival: Arrival, by_ms: int) -> Arrival:
    """Return an arrival, and what was measured in it, so much later."""
    if not by_ms:
        return arrival
    value = msgspec.json.decode(arrival.value)
    readings: list[dict[str, Any]] = value if isinstance(value, list) else [value]
    for reading in readings:
        reading["measured_at_ms"] += by_ms
    return Arrival(arrival.site, arrival.arrived_at_ms + by_ms, msgspec.Raw(_encode(value)))
