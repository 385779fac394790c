"""Whether the time of a reading is admitted: by its own record, and by what the window of it may still have."""

import pytest

from app.domain.contracts import Reason
from app.domain.telemetry import admission_fault
from tests.builders import NOON_MS, some_rules

HOUR_MS = 3_600_000
RULES = some_rules(horizon_ms=2 * HOUR_MS, future_ms=600_000)


def reason(measured_at_ms: int, *, record_ms: int = NOON_MS, stream_ms: int | None = None) -> Reason | None:
    fault = admission_fault(measured_at_ms, record_ms, record_ms if stream_ms is None else stream_ms, RULES)
    return fault[0] if fault else None


@pytest.mark.parametrize(
    ("age_ms", "found"), [(0, None), (2 * HOUR_MS, None), (2 * HOUR_MS + 1, Reason.TOO_LATE), (10**12, Reason.TOO_LATE)]
)
def test_a_reading_as_old_as_the_horizon_is_admitted_and_an_older_one_is_too_late(age_ms, found):
    assert reason(NOON_MS - age_ms) is found


@pytest.mark.parametrize(("ahead_ms", "found"), [(1, None), (600_000, None), (600_001, Reason.FUTURE)])
def test_a_clock_may_run_ahead_by_ten_minutes(ahead_ms, found):
    assert reason(NOON_MS + ahead_ms) is found


@pytest.mark.parametrize(
    ("measured_at_ms", "found"),
    [(0, Reason.TOO_LATE), (NOON_MS // 1_000, Reason.TOO_LATE), (4_102_444_800_000, Reason.FUTURE)],
    ids=["1970", "seconds instead of milliseconds", "2100"],
)
def test_a_clock_that_is_decades_off_is_refused(measured_at_ms, found):
    assert reason(measured_at_ms) is found


def test_seconds_instead_of_milliseconds_are_hinted_at():
    assert "milliseconds?" in admission_fault(NOON_MS // 1_000, NOON_MS, NOON_MS, RULES)[1]


def test_a_reading_is_judged_by_its_own_record_however_late_that_is_read():
    assert reason(NOON_MS - HOUR_MS, stream_ms=NOON_MS + HOUR_MS) is None


def test_a_reading_whose_window_may_be_gone_is_too_late_whatever_its_record_says():
    window_end_ms = NOON_MS + 900_000

    assert reason(NOON_MS + 1, stream_ms=window_end_ms + 2 * HOUR_MS - 1) is None
    assert reason(NOON_MS + 1, stream_ms=window_end_ms + 2 * HOUR_MS) is Reason.TOO_LATE
