import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON_MS, some_rules


@pytest.mark.parametrize(
    ("at_ms", "start_ms"),
    [(0, 0), (1, 0), (899_999, 0), (900_000, 900_000), (-1, -900_000)],
)
def test_a_window_is_half_open(at_ms, start_ms):
    assert some_rules().window_start(NOON_MS + at_ms) == NOON_MS + start_ms


@given(at_ms=st.integers(0, 2**53), window_s=st.integers(60, 3_600))
def test_windows_are_aligned_to_the_epoch_and_hold_their_instant(at_ms, window_s):
    start_ms = some_rules(window_ms=window_s * 1_000).window_start(at_ms)

    assert start_ms % (window_s * 1_000) == 0
    assert start_ms <= at_ms < start_ms + window_s * 1_000


def test_a_kind_may_be_fresh_for_longer_than_the_others():
    rules = some_rules(fresh_intervals=3, fresh_intervals_by_kind={"meter": 20})

    assert (rules.fresh_intervals_of("pv"), rules.fresh_intervals_of("meter")) == (3, 20)
