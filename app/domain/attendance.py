"""Stream time and attended time of one telemetry partition: functions of its log, never of a clock."""

from __future__ import annotations

from typing import Final

from app.domain.rules import Rules
from app.domain.units import Milliseconds

NOT_STARTED: Final = Milliseconds(-1)


class StreamClock:
    """The running maximum of record timestamps, and how much of it somebody attended.

    A step longer than `attended_gap_ms` is an outage of the broker or of ourselves, nobody's silence: it
    counts as one tick of attended time. `skew_ms` is what was left out; stream = attended + skew.
    """

    __slots__ = ("gap_ms", "skew_ms", "stream_ms", "tick_ms")

    def __init__(self, rules: Rules) -> None:
        self.stream_ms = NOT_STARTED
        self.skew_ms = Milliseconds(0)
        self.gap_ms = rules.attended_gap_ms
        self.tick_ms = rules.tick_ms

    @property
    def attended_ms(self) -> Milliseconds:
        return self.stream_ms - self.skew_ms

    def advance(self, timestamp_ms: Milliseconds) -> None:
        """Take in a record's timestamp that is later than stream time."""
        step = timestamp_ms - self.stream_ms
        if step > self.gap_ms and self.stream_ms != NOT_STARTED:
            self.skew_ms = self.skew_ms + step - self.tick_ms
        self.stream_ms = timestamp_ms
