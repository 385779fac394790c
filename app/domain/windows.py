"""Arithmetic of one device in one window, in integers only, so that every sum is exact in any order."""

from __future__ import annotations

from app.domain.units import Joules, Milliseconds, Seconds, Watts, divide_half_even, to_milliseconds


def device_window_totals(
    *, readings: int, sum_w: Watts, positive_sum_w: Watts, interval_s: Seconds, window_s: Seconds
) -> tuple[Watts, Joules, Joules, Seconds]:
    """Return mean power, energies and covered seconds of a device that sent *readings* distinct readings.

    Each reading stands for its interval, or for an equal part of max(window, interval) when they would overlap:
    nothing is extrapolated over gaps, a fast or jittering device is not counted twice. Means and energies are
    rounded half to even here, per device and window, and only then summed. Import and export are never netted.

    >>> device_window_totals(readings=1, sum_w=Watts(-122), positive_sum_w=Watts(0),
    ...                      interval_s=Seconds(900), window_s=Seconds(900))
    (-122, 0, 109800, 900)
    """
    longest_s = max(int(window_s), int(interval_s))
    seconds, parts = (int(interval_s), 1) if readings * int(interval_s) <= longest_s else (longest_s, readings)
    return (
        Watts(divide_half_even(int(sum_w), readings)),
        Joules(divide_half_even(int(positive_sum_w) * seconds, parts)),
        Joules(divide_half_even((int(positive_sum_w) - int(sum_w)) * seconds, parts)),
        min(Seconds(readings * int(interval_s)), window_s),
    )


def is_expected(*, interval_s: Seconds, window_start_ms: Milliseconds, window_s: Seconds) -> bool:
    """Whether a device is due in a window: always, unless its interval is longer than the window.

    Then only a window that holds a multiple of the interval, counted from the epoch, expects it.
    """
    if interval_s <= window_s:
        return True
    interval_ms = int(to_milliseconds(interval_s))
    next_multiple_ms = -(-int(window_start_ms) // interval_ms) * interval_ms
    return next_multiple_ms < int(window_start_ms) + int(to_milliseconds(window_s))
