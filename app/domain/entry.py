"""What a device measured in one window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.domain.units import MS_PER_S, Milliseconds, WattHours, Watts

if TYPE_CHECKING:
    from app.domain.measures import Measures
    from app.domain.site import Device

NEVER: Final = Milliseconds(-(1 << 60))


def known_ms(at_ms: Milliseconds) -> Milliseconds | None:
    """Return a time, or None for `NEVER`."""
    return at_ms if at_ms != NEVER else None


def time_of(known: Milliseconds | None) -> Milliseconds:
    """Return a time, `NEVER` for None."""
    return known if known is not None else NEVER


class Entry:
    """The set of readings of one device in one window, as a bitmap of the window's seconds, and its sums."""

    __slots__ = (
        "added",
        "bits",
        "device",
        "is_added",
        "is_changed",
        "newest_ms",
        "oldest_ms",
        "positive_sum_w",
        "soc_measured_ms",
        "soc_wh",
        "start_ms",
        "sum_w",
    )

    def __init__(self, device: Device, start_ms: Milliseconds) -> None:
        self.device = device
        self.start_ms = start_ms
        self.bits = 0
        self.sum_w = Watts(0)
        self.positive_sum_w = Watts(0)
        self.oldest_ms = NEVER
        self.newest_ms = NEVER
        self.soc_wh: WattHours | None = None
        self.soc_measured_ms = NEVER
        self.added: Measures | None = None
        """What the window's totals hold of it, while that is not what it comes to, or is soon to be said."""
        self.is_added = False
        """Whether they hold it: as it is, or as it was before it changed."""
        self.is_changed = False
        """On its window's list of entries that the totals do not hold as they are."""

    def add(self, measured_ms: Milliseconds, power_w: Watts, soc_wh: WattHours | None) -> bool:
        """Take in a reading, unless one of its second is here already; return whether it was new."""
        bit = 1 << (int(measured_ms - self.start_ms) // MS_PER_S)
        if self.bits & bit:
            return False
        if not self.bits:
            self.oldest_ms = self.newest_ms = measured_ms
        elif measured_ms > self.newest_ms:
            self.newest_ms = measured_ms
        elif measured_ms < self.oldest_ms:
            self.oldest_ms = measured_ms
        self.bits |= bit
        self.sum_w = self.sum_w + power_w
        if power_w > Watts(0):
            self.positive_sum_w = self.positive_sum_w + power_w
        if soc_wh is not None and measured_ms > self.soc_measured_ms:
            self.soc_wh = soc_wh
            self.soc_measured_ms = measured_ms
        return True
