"""Windows as an answer: which are asked for, rolled up, as JSON or CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response

from app.domain.contracts import SITE_LEVEL
from app.query.asking import one_of, read_instant
from app.query.envelopes import WindowPage
from app.query.history import read_periods, whole_periods
from app.query.periods import find_zone, parse_period
from app.query.problems import ProblemError
from app.query.replies import reply
from app.query.rows import DAY_MS, SITE
from app.query.service import Service
from app.query.windows import WindowAnswer, read_window, roll_up

STATUSES = ("provisional", "final", "corrected")
CHUNK = 100
COLUMNS = ("readings", "sum_w", "mean_power_w", "energy_import_j", "energy_export_j", "devices_expected",
           "devices_reporting", "covered_device_s", "expected_device_s")  # fmt: skip


async def answer_windows(
    request: Request[Any, Any, Any], service: Service, family: bytes, name: str, asked: tuple[Any, ...]
) -> Response[Any]:
    """Return the windows that are asked for."""
    begin, to, window, tz, kinds, status, form = asked
    window_s = int(service.view.rules.window_ms) // 1000
    statuses = [one_of(word, "status", STATUSES) for word in (status or "").split(",") if word]
    one_of(form, "format", ("json", "csv"))
    text = window or f"PT{window_s}S"
    period, zone = parse_period(text, window_s), find_zone(tz)
    from_ms, to_ms = _range(service, begin, to)
    if period.days or period.seconds != window_s:
        from_ms, to_ms = whole_periods(period, zone, from_ms, to_ms, window_s)
    _require_few(service, from_ms, to_ms, window_s)
    base = (read_window(held.value) for held in service.windows(family, name, from_ms, to_ms))
    periods = read_periods(base, period, zone, from_ms, to_ms, window_s=window_s,
                           closed_ms=_closed_ms(service, family, name, window_s))  # fmt: skip
    if not period.days and period.seconds == window_s:
        periods = _single(service, family, name, from_ms, to_ms, window_s)
    chosen = set((kinds or "").split(",")) - {""}
    items = [_only(one, chosen) async for one in _gently(periods) if not statuses or one.status in statuses]
    page = WindowPage(as_of_ms=service.view.clocks.as_of_ms(), **service.surrounding(family, name), window=text,
                      window_s=window_s, tz=tz, items=items)  # fmt: skip
    is_csv = form == "csv" or (form is None and "text/csv" in request.headers.get("accept", ""))
    return reply(request, page, lines=_csv) if is_csv else reply(request, page)


def _single(service: Service, family: bytes, name: str, from_ms: int, to_ms: int,
            window_s: int) -> Iterator[WindowAnswer | None]:  # fmt: skip
    """Yield windows as they are, wherever a day begins."""
    for held in service.windows(family, name, from_ms, to_ms):
        one = read_window(held.value)
        end_ms = one.window_start_ms + one.window_s * 1000
        yield roll_up([one], one.window_start_ms, end_ms, window_s=window_s, closed_ms=end_ms)


async def _gently(periods: Iterator[WindowAnswer | None]) -> Any:
    """Give the loop to others between chunks."""
    for count, one in enumerate(periods):
        if count % CHUNK == CHUNK - 1:
            await asyncio.sleep(0)
        if one is not None:
            yield one


def _range(service: Service, begin: str | None, to: str | None) -> tuple[int, int]:
    window_ms = int(service.view.rules.window_ms)
    to_ms = read_instant(to, "to")
    if to_ms is None:
        to_ms = (service.view.clocks.newest_ms or service.replica.now_ms) + window_ms
    from_ms = read_instant(begin, "from")
    from_ms = max(0, to_ms - DAY_MS) if from_ms is None else from_ms
    if from_ms >= to_ms:
        raise ProblemError(400, f"from is {from_ms}, not before to, {to_ms}", "exchange them, or leave one out")
    return from_ms, to_ms


def _require_few(service: Service, from_ms: int, to_ms: int, window_s: int) -> None:
    count, most = (to_ms - from_ms) // (window_s * 1000), service.settings.query_windows
    if count > most:
        raise ProblemError(400, f"the answer would be made of {count} windows; at most {most} are allowed",
                           "ask for a shorter range")  # fmt: skip


def _closed_ms(service: Service, family: bytes, name: str, window_s: int) -> int:
    nodes = service.view.membership.topology.nodes
    clock = service.view.clocks.levels.get(SITE_LEVEL if family == SITE else nodes[name].level)
    newest = clock.newest_final_window_ms if clock is not None else None
    return newest + window_s * 1000 if newest is not None else 0


def _only(one: WindowAnswer, kinds: set[str]) -> WindowAnswer:
    if not kinds:
        return one
    return msgspec.structs.replace(one, kinds={name: kind for name, kind in one.kinds.items() if name in kinds})


def _csv(page: WindowPage) -> bytes:
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["start", "end", "kind", "status", "state", "revision", *COLUMNS])
    for one in page.items:
        for name, kind in one.kinds.items():
            values = [getattr(kind, column) for column in COLUMNS]
            lines.writerow([_iso(one.start_ms), _iso(one.end_ms), name, one.status, one.state, one.revision, *values])
    return out.getvalue().encode()


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
