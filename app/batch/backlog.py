"""Whether a partition has so much left to read that only what cannot wait is published."""

from __future__ import annotations

BEHIND_S = 1.0
FEW_RECORDS = 40_000
"""A worker folds so many in less than half a second; they are never a backlog, whatever its rate is."""
MEASURE_S = 0.5
KEPT = 0.9
"""Of a rate that was higher, with every measurement: one that lasts a moment says little of what a worker can do."""


class Backlog:
    """Compares what is left to read with what a worker reads in a second."""

    def __init__(self, now_s: float) -> None:
        self._measured_s = now_s
        self._records = 0
        self._records_per_s = 0.0

    def measure(self, now_s: float, records: int) -> None:
        """Take in how many records were read in all until now; ignored if that was asked a moment ago."""
        if now_s - self._measured_s >= MEASURE_S:
            measured = (records - self._records) / (now_s - self._measured_s)
            self._records_per_s = max(measured, KEPT * self._records_per_s)
            self._measured_s, self._records = now_s, records

    def is_behind(self, lag: int, partitions: int) -> bool:
        """Whether one of so many partitions, with that many records left, is more than a second behind."""
        return lag * max(1, partitions) > max(FEW_RECORDS, BEHIND_S * self._records_per_s)
