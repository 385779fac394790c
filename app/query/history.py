"""Windows and feeds as they are read from disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

import msgspec

from app.query.aggregates import Replacement
from app.query.periods import Period, period_at, periods_between
from app.query.problems import ProblemError
from app.query.rows import (
    DAY_MS,
    REPLACED,
    WINDOW,
    Held,
    Rows,
    after,
    dated_key,
    day_of,
    day_prefix,
    owner_prefix,
    unpack,
)
from app.query.windows import Published, WindowAnswer, read_window, roll_up

_replacement = msgspec.msgpack.Decoder(Replacement).decode


def read_windows(rows: Rows, family: bytes, name: str, from_ms: int, to_ms: int) -> Iterator[Held]:
    """Yield the windows of a node or a site that start in [from, to), in order."""
    for day in range(day_of(from_ms), day_of(max(to_ms - 1, 0)) + 1):
        start_ms, end_ms = max(from_ms, day * DAY_MS), min(to_ms, (day + 1) * DAY_MS)
        start = dated_key(WINDOW, start_ms, family, name, start_ms)
        end = owner_prefix(WINDOW, day, family, name) + end_ms.to_bytes(8, "big")
        for _, row in rows.scan(start, end):
            yield unpack(row)


def read_one(rows: Rows, family: bytes, name: str, start_ms: int) -> Published | None:
    """Return one window."""
    row = rows.get(dated_key(WINDOW, start_ms, family, name, start_ms))
    return read_window(unpack(row).value) if row is not None else None


def read_replaced(rows: Rows, family: bytes, name: str, start_ms: int) -> list[Replacement]:
    """Return which final revisions of a window were replaced by which."""
    prefix = dated_key(REPLACED, start_ms, family, name, start_ms)
    return [_replacement(row) for _, row in rows.scan(prefix, after(prefix))]


def read_periods(
    base: Iterator[Published], period: Period, zone: tzinfo, from_ms: int, to_ms: int, *, window_s: int, closed_ms: int
) -> Iterator[WindowAnswer | None]:
    """Yield the periods between two instants as their windows come; None for one of which nothing is known."""
    one = next(base, None)
    for start_ms, end_ms in periods_between(period, zone, from_ms, to_ms):
        inside: list[Published] = []
        while one is not None and one.window_start_ms < end_ms:
            inside.append(one)
            one = next(base, None)
        yield roll_up(inside, start_ms, end_ms, window_s=window_s, closed_ms=closed_ms)


def whole_periods(period: Period, zone: tzinfo, from_ms: int, to_ms: int, window_s: int) -> tuple[int, int]:
    """Return a range made longer so that it holds whole periods, which hold whole windows."""
    first_ms, _ = period_at(period, zone, from_ms)
    _, last_ms = period_at(period, zone, max(to_ms - 1, from_ms))
    for at_ms in (first_ms, last_ms):
        if at_ms % (window_s * 1000):
            raise ProblemError(400, f"a period begins or ends at {at_ms}, inside a window of {window_s} s",
                               "name a time zone whose days begin with a window, or UTC")  # fmt: skip
    return first_ms, last_ms


def read_feed(rows: Rows, family: bytes, before: bytes | None, limit: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield entries of a feed, newest first: the key to go on before, and the row."""
    end = before if before is not None else after(family)
    for count, (key, target) in enumerate(rows.scan(family, end, back=True)):
        if count >= limit:
            return
        row = rows.get(target)
        if row is not None:
            yield key, row


def read_owned(
    rows: Rows, family: bytes, owner: bytes, name: str, newest_day: int, days: int, before: bytes | None
) -> Iterator[tuple[bytes, bytes]]:
    """Yield dated rows of one node or site, newest day first, and within it the greatest key first."""
    for day in range(newest_day, max(-1, newest_day - days - 2), -1):
        prefix = owner_prefix(family, day, owner, name)
        end = after(prefix)
        if before is not None and before < end:
            end = before
        if end > day_prefix(family, day):
            yield from rows.scan(prefix, end, back=True)
