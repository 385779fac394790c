"""Whether a partition has so much left to read that only what cannot wait is published."""

from __future__ import annotations

BEHIND_S = 1.0
FEW_RECORDS = 2_000
"""So many are never a backlog, whatever the rate."""
MEASURE_S = 0.5


class Backlog:
    """Compares what is left to read with what a worker reads in a second."""

    def __init__(self, now_s: float) -> None:
        self._measured_s = now_s
        self._records = 0
        self._records_per_s = 0.0

    def measure(self, now_s: float, records: int) -> None:
        """Take in how many records were read in all until now; ignored if that was asked a moment ago."""
        if now_s - self._measured_s >= MEASURE_S:
            self._records_per_s = (records - self._records) / (now_s - self._measured_s)
            self._measured_s, self._records = now_s, records

    def is_behind(self, lag: int, partitions: int) -> bool:
        """Whether one of so many partitions, with that many records left, is more than a second behind."""
        return lag > max(FEW_RECORDS, BEHIND_S * self._records_per_s / max(1, partitions))
