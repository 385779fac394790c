"""Where a worker reads on in its source, where that ends, and how much of it is left."""

from __future__ import annotations

import time

from faust.types import TP

from app.batch.application import BatchApp
from app.batch.backlog import Backlog


class Progress:
    """Of the partitions of one source that a worker is assigned; `begin` whenever they change."""

    def __init__(self, app: BatchApp, source: str) -> None:
        self.app = app
        self.source = source
        self._backlog = Backlog(time.monotonic())
        self._ends: dict[int, int] = {}
        self._positions: dict[int, int] = {}

    def begin(self, ends: dict[int, int]) -> None:
        """Start over with the partitions that were just assigned, each with where it ended."""
        self._ends, self._positions = ends, {}

    def read_on(self, partition: int, position: int) -> None:
        """Take note of the first offset that the restored state of a partition does not hold."""
        self._positions[partition] = position

    def positions(self, assignment: set[TP]) -> dict[TP, int]:
        """Return where to read on, for the sources among *assignment*."""
        return {tp: self._positions[tp.partition] for tp in assignment
                if tp.topic == self.source and tp.partition in self._positions}  # fmt: skip

    def measure(self, records: int) -> None:
        """Take in how many records were folded in all until now."""
        self._backlog.measure(time.monotonic(), records)

    def is_behind(self, partition: int, offset: int, partitions: int) -> bool:
        """Whether one of so many partitions, folded up to *offset*, is so late that only what cannot wait is said."""
        return self._backlog.is_behind(self.lag(partition, offset), partitions)

    def lag(self, partition: int, offset: int) -> int:
        """Return how many records are left after *offset*."""
        return max(0, self.end(partition) - offset - 1)

    def end(self, partition: int) -> int:
        """Return where the source ends as far as is known; a fetch tells more than the start did."""
        try:
            end = self.app.consumer.highwater(TP(self.source, partition))
        except (AssertionError, AttributeError):
            end = None  # revoked a moment ago
        return max(self._ends[partition], end or 0)
