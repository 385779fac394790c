"""Windows rolled up to multiples, days of 23 and 25 hours, a gap that stays one."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query.history import read_windows, whole_periods
from app.query.periods import Period, find_zone, parse_period, period_at, periods_between
from app.query.problems import ProblemError
from app.query.rows import NODE
from app.query.windows import Published, WindowAnswer, read_window, roll_up
from tests.builders import NOON_MS
from tests.query_builders import QUARTER_MS, a_view, a_window

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BERLIN = ZoneInfo("Europe/Berlin")


def windows(*powers: int | None, **more: object) -> list[Published]:
    """Windows from noon on; None leaves a gap."""
    return [
        read_window(a_window(power_w=power, start_ms=NOON_MS + i * QUARTER_MS, **more).value or b"")  # type: ignore[arg-type]
        for i, power in enumerate(powers)
        if power is not None
    ]


def an_hour(base: list[Published], *, closed_ms: int = NOON_MS + HOUR_MS) -> WindowAnswer:
    found = roll_up(base, NOON_MS, NOON_MS + HOUR_MS, window_s=900, closed_ms=closed_ms)
    assert found is not None
    return found


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "period"),
    [("PT15M", Period(seconds=900)), ("PT1H30M", Period(seconds=5400)), ("P1D", Period(days=1)),
     ("PT24H", Period(days=1)), ("P2W", Period(days=14))],
)  # fmt: skip
def test_a_duration_names_a_period(text: str, period: Period) -> None:
    assert parse_period(text, 900) == period


@pytest.mark.parametrize("text", ["", "P", "PT", "PT10M", "PT0S", "P1DT1H", "1h", "PT99999H", "P367D", "P1M", "PT15M "])
def test_what_is_no_multiple_of_a_window_is_refused(text: str) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_period(text, 900)

    assert refused.value.status == 400


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "/etc/passwd", "x" * 1000, "a\x00b"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ProblemError):
        find_zone(name)


@pytest.mark.parametrize(
    ("day", "hours"), [("2016-03-27T00:00+01:00", 23), ("2016-10-30T00:00+02:00", 25), ("2016-06-01T00:00+02:00", 24)]
)
def test_a_day_of_a_calendar_has_23_24_or_25_hours(day: str, hours: int) -> None:
    start_ms, end_ms = period_at(Period(days=1), BERLIN, ms(day) + 10 * HOUR_MS)

    assert (start_ms, (end_ms - start_ms) // HOUR_MS) == (ms(day), hours)


def test_a_period_within_a_day_ends_with_the_day() -> None:
    begin_ms = ms("2016-03-27T00:00+01:00")
    spans = [(end - start) // HOUR_MS for start, end in
             periods_between(Period(seconds=6 * 3600), BERLIN, begin_ms, begin_ms + 23 * HOUR_MS)]  # fmt: skip

    assert spans == [6, 6, 6, 5]


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia"])
PERIODS = st.sampled_from([Period(days=1), Period(days=7), *(Period(seconds=s) for s in (900, 3600, 25_200, 43_200))])


@given(PERIODS, ZONES, st.integers(0, 2_000_000_000_000), st.integers(1, 20 * DAY_MS))
def test_periods_cover_a_range_without_gap_or_overlap(period: Period, name: str, from_ms: int, long_ms: int) -> None:
    spans = list(periods_between(period, find_zone(name), from_ms, from_ms + long_ms))

    assert spans[0][0] <= from_ms
    assert spans[-1][1] >= from_ms + long_ms
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert all(start < end for start, end in spans)


def test_energies_are_summed_and_power_is_the_mean() -> None:
    total = an_hour(windows(10, 20, -100, 2)).kinds["all"]

    assert (total.energy_import_j, total.energy_export_j, total.mean_power_w) == (32 * 900, 100 * 900, -17)


def test_a_gap_adds_nothing_and_lowers_coverage() -> None:
    hour = an_hour(windows(10, None, 20, None))

    assert (hour.kinds["all"].mean_power_w, hour.windows.present, hour.coverage.ratio) == (15, 2, 0.5)
    assert (hour.status, hour.state) == ("final", "partial")


def test_a_window_in_which_nothing_reported_does_not_count_into_the_mean() -> None:
    hour = an_hour([*windows(10, 20), *windows(None, None, 0, 0, reporting=0)])

    assert (hour.kinds["all"].mean_power_w, hour.state) == (15, "partial")


def test_a_period_of_which_nothing_is_known_is_none() -> None:
    assert roll_up([], NOON_MS, NOON_MS + HOUR_MS, window_s=900, closed_ms=NOON_MS) is None


def test_a_period_that_is_not_over_is_provisional() -> None:
    assert an_hour(windows(1, 2), closed_ms=NOON_MS + 2 * QUARTER_MS).status == "provisional"


def test_a_correction_in_a_period_corrects_it() -> None:
    base = windows(1, 2, 10, 20)
    base[2] = msgspec.structs.replace(base[2], status="corrected", revision=100)
    hour = an_hour(base)

    assert (hour.status, hour.revision) == ("corrected", 100)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=96), st.integers(1, 96))
def test_parts_add_up_to_the_whole(powers: list[int], cut: int) -> None:
    base, end_ms = windows(*powers), NOON_MS + DAY_MS
    cut_ms = NOON_MS + cut * QUARTER_MS
    whole = roll_up(base, NOON_MS, end_ms, window_s=900, closed_ms=end_ms)
    parts = [roll_up(base[:cut], NOON_MS, cut_ms, window_s=900, closed_ms=end_ms),
             roll_up(base[cut:], cut_ms, end_ms, window_s=900, closed_ms=end_ms)]  # fmt: skip

    assert whole is not None
    for field in ("energy_import_j", "energy_export_j", "sum_w", "covered_device_s"):
        found = sum(getattr(part.kinds["all"], field) for part in parts if part is not None)
        assert found == getattr(whole.kinds["all"], field)


def test_windows_are_read_over_midnight_in_order_and_without_the_end() -> None:
    midnight_ms = NOON_MS + DAY_MS // 2
    starts = [midnight_ms + i * QUARTER_MS for i in (-2, -1, 0, 1)]
    view = a_view(None, *(a_window(start_ms=start) for start in reversed(starts)), a_window("n2", start_ms=starts[1]))
    found = [read_window(one.value).window_start_ms
             for one in read_windows(view.rows, NODE, "n", starts[1], starts[3])]  # fmt: skip

    assert found == starts[1:3]


def test_an_id_that_goes_on_like_the_key_of_a_window_is_not_taken_for_one() -> None:
    like_a_start = "n" + (NOON_MS + HOUR_MS).to_bytes(8, "big")[:5].decode()
    view = a_view(None, a_window("n"), a_window(like_a_start, 20))

    assert len(list(read_windows(view.rows, NODE, "n", NOON_MS, NOON_MS + 10 * HOUR_MS))) == 1


def test_a_day_that_begins_inside_a_window_is_refused() -> None:
    with pytest.raises(ProblemError, match="inside a window"):
        whole_periods(Period(days=1), ZoneInfo("Asia/Kolkata"), NOON_MS, NOON_MS + DAY_MS, 3600)


def test_a_range_grows_to_whole_periods() -> None:
    assert whole_periods(Period(days=1), UTC, NOON_MS, NOON_MS + 1, 900) == (
        NOON_MS - DAY_MS // 2, NOON_MS + DAY_MS // 2
    )  # fmt: skip
