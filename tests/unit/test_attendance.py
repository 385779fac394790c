"""Stream time and attended time."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.attendance import StreamClock
from tests.builders import some_rules


def a_clock(*steps_ms: int, gap_ms: int = 10_000, tick_ms: int = 1_000) -> StreamClock:
    clock = StreamClock(some_rules(attended_gap_ms=gap_ms, tick_ms=tick_ms))
    at_ms = 0
    for step_ms in steps_ms:
        at_ms += step_ms
        clock.advance(at_ms)
    return clock


def test_the_first_record_starts_the_clock_without_a_gap():
    clock = a_clock(1_000_000)

    assert (clock.stream_ms, clock.skew_ms) == (1_000_000, 0)


def test_a_step_as_long_as_the_gap_is_attended():
    assert a_clock(5_000, 10_000).attended_ms == 15_000


def test_a_longer_step_counts_as_one_tick():
    clock = a_clock(5_000, 10_001)

    assert (clock.stream_ms, clock.attended_ms, clock.skew_ms) == (15_001, 6_000, 9_001)


def test_outages_add_up():
    assert a_clock(5_000, 20_000, 100_000).attended_ms == 7_000


@given(steps_ms=st.lists(st.integers(1, 50_000), min_size=1))
def test_attended_time_and_what_was_left_out_make_stream_time(steps_ms):
    clock = a_clock(*steps_ms)

    attended = steps_ms[0] + sum(step if step <= 10_000 else 1_000 for step in steps_ms[1:])
    assert clock.stream_ms == sum(steps_ms)
    assert clock.attended_ms == attended
