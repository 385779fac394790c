"""Periods of any length over windows: which there are, where each begins and ends, in a named time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.query.problems import ProblemError

DAY_S = 86_400
_ISO = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")
EARLIEST_MS, LATEST_MS = 0, 32_503_680_000_000
"""1970 and 3000: what a calendar holds."""


@dataclass(frozen=True)
class Period:
    """A number of days of a calendar, or of seconds within a day."""

    days: int = 0
    seconds: int = 0


def parse_period(text: str, window_s: int) -> Period:
    """Return the period that an ISO 8601 duration names; it is a multiple of a window."""
    match = _ISO.fullmatch(text)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0,) * 5
    calendar_days, within_s = weeks * 7 + days, hours * 3600 + minutes * 60 + seconds
    if bool(calendar_days) == bool(within_s) or calendar_days > 366 or within_s > DAY_S:
        raise ProblemError(400, f"window is {text!r}", "give PT15M, PT1H, P1D: seconds up to a day, or days up to 366")
    if within_s % window_s:
        raise ProblemError(
            400, f"window is {text!r}, windows are {window_s} s long", f"give a multiple of {window_s} s"
        )
    return Period(calendar_days, within_s) if within_s != DAY_S else Period(1)


def find_zone(name: str) -> tzinfo:
    """Return a time zone."""
    try:
        return ZoneInfo(name) if name != "UTC" else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ProblemError(
            400, f"tz is {name!r}", "give a name of the time zone database, such as Europe/Berlin"
        ) from error


def period_at(period: Period, zone: tzinfo, at_ms: int) -> tuple[int, int]:
    """Return the period in which an instant lies.

    Days are those of the calendar: one of 23 or 25 hours is one day. A period within a day is counted from local
    midnight in time that passes; the last one ends with the day.
    """
    local = datetime.fromtimestamp(at_ms / 1000, zone).date()
    if period.days:
        first = date.fromordinal(max(1, local.toordinal() // period.days * period.days))
        return _midnight_ms(first, zone), _midnight_ms(first + timedelta(days=period.days), zone)
    begin_ms, end_ms = _midnight_ms(local, zone), _midnight_ms(local + timedelta(days=1), zone)
    start_ms = begin_ms + (at_ms - begin_ms) // (period.seconds * 1000) * period.seconds * 1000
    return start_ms, min(start_ms + period.seconds * 1000, end_ms)


def periods_between(period: Period, zone: tzinfo, from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the periods that hold any of [from, to), in order, each whole."""
    at_ms = from_ms
    while at_ms < to_ms:
        start_ms, end_ms = period_at(period, zone, at_ms)
        yield start_ms, end_ms
        at_ms = end_ms


def _midnight_ms(day: date, zone: tzinfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
