"""The numbers that shape a value: every partition of a deployment must hold the same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from app.domain.units import Milliseconds, Seconds, to_seconds


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a published number besides the readings and the topology. Durations in milliseconds."""

    partitions: int
    """Partitions of telemetry, of contributed and of every level topic; fixed for life."""
    window_ms: Milliseconds = Milliseconds(900_000)
    """Length of a window; windows are aligned to the epoch."""
    grace_ms: Milliseconds = Milliseconds(120_000)
    """A window closes in a partition once stream time reaches its end plus this."""
    horizon_ms: Milliseconds = Milliseconds(86_400_000)
    """A reading older than this on arrival is too late; closed windows are kept as long."""
    future_ms: Milliseconds = Milliseconds(600_000)
    """A reading further ahead of its record timestamp than this is rejected."""
    tick_ms: Milliseconds = Milliseconds(1_000)
    """Cadence of ticks; what a step counts in attended time when it is longer than `attended_gap_ms`."""
    attended_gap_ms: Milliseconds = Milliseconds(10_000)
    """A longer step between two records of a partition is nobody's silence but our own."""
    fresh_intervals: int = 3
    """A device is fresh while its latest reading is younger than this many reporting intervals."""
    fresh_intervals_by_kind: Mapping[str, int] = {}
    """The same, for the kinds that differ."""
    delayed_intervals: int = 3
    """A site is delayed when it was not heard for this many of its shortest reporting interval."""
    offline_intervals: int = 10
    """A site is offline when it was not heard for this many."""
    recover_readings: int = 2
    """Heard readings (distinct records) that bring a site back from offline to online."""
    plausible_factor: int = 3
    """A power beyond this many times the rated power is out of range; 0 switches the rule off."""
    window_blocks: int = 256
    """Rows into which the sites of one closed window are divided, in each partition."""
    cached_windows: int = 16
    """Closed windows whose totals stay in memory for further late readings, in each partition."""

    @property
    def window_s(self) -> Seconds:
        return to_seconds(self.window_ms)

    def fresh_intervals_of(self, kind: str) -> int:
        """Return after how many of its reporting intervals a device of *kind* is stale."""
        return self.fresh_intervals_by_kind.get(kind, self.fresh_intervals)

    def window_start(self, at_ms: Milliseconds) -> Milliseconds:
        """Return the start of the window that contains *at_ms*."""
        return at_ms - at_ms % self.window_ms


PartitionOf = Callable[[bytes], int]
"""Which partition a key belongs to (murmur2, as every Java client); given from outside."""
