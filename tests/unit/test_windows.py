"""What one device's readings mean in one window, and whether it is due there."""

from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.windows import device_window_totals, is_expected


class DeviceWindow(NamedTuple):
    mean_power_w: int
    energy_import_j: int
    energy_export_j: int
    covered_device_s: int


def totals(*powers_w: int, interval_s: int = 60, window_s: int = 900):
    found = device_window_totals(
        readings=len(powers_w),
        sum_w=sum(powers_w),
        positive_sum_w=sum(power for power in powers_w if power > 0),
        interval_s=interval_s,
        window_s=window_s,
    )
    return DeviceWindow(*found)


def test_a_reading_stands_for_its_interval_and_nothing_is_extrapolated_over_gaps():
    assert totals(100) == (100, 6_000, 0, 60)


def test_a_window_full_of_readings_is_covered_and_each_stands_for_its_interval():
    assert totals(*[10] * 15) == (10, 9_000, 0, 900)


def test_one_reading_more_than_the_window_holds_shares_the_window_equally():
    assert totals(*[10] * 15, 26) == (11, 9_900, 0, 900)


def test_a_jittering_device_is_not_counted_twice():
    assert totals(100, 200, interval_s=900) == (150, 135_000, 0, 900)


def test_a_fast_device_covers_its_window_once():
    assert totals(*[20] * 60, interval_s=30) == (20, 18_000, 0, 900)


def test_an_interval_longer_than_the_window_is_stood_for_whole_but_covers_only_the_window():
    assert totals(2, interval_s=3_600) == (2, 7_200, 0, 900)


def test_two_readings_share_an_interval_that_is_longer_than_the_window():
    assert totals(2, 4, interval_s=3_600) == (3, 10_800, 0, 900)


def test_import_and_export_are_never_netted():
    assert totals(100, -100) == (0, 6_000, 6_000, 120)


@pytest.mark.parametrize(("powers_w", "mean_w"), [((1, 2), 2), ((2, 3), 2), ((-1, -2), -2), ((-1, 0), 0), ((1, 0), 0)])
def test_a_mean_is_rounded_half_to_even(powers_w, mean_w):
    assert totals(*powers_w).mean_power_w == mean_w


def test_an_energy_is_rounded_half_to_even_once_per_window():
    sixteen_in_a_window_of_900 = totals(2, *[0] * 15)

    assert sixteen_in_a_window_of_900.energy_import_j == 112
    assert totals(*[0] * 7, 1, interval_s=300).energy_import_j == 112


@given(
    powers_w=st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=80),
    interval_s=st.integers(1, 7_200),
    window_s=st.integers(60, 3_600),
)
def test_totals_equal_the_rule_in_exact_fractions(powers_w, interval_s, window_s):
    readings, longest_s = len(powers_w), max(window_s, interval_s)
    each_s = Fraction(interval_s) if readings * interval_s <= longest_s else Fraction(longest_s, readings)

    found = totals(*powers_w, interval_s=interval_s, window_s=window_s)

    assert found.mean_power_w == round(Fraction(sum(powers_w), readings))
    assert found.energy_import_j == round(sum(power for power in powers_w if power > 0) * each_s)
    assert found.energy_export_j == round(sum(-power for power in powers_w if power < 0) * each_s)
    assert found.covered_device_s == min(readings * each_s, window_s)


@given(powers_w=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20), interval_s=st.integers(1, 3_600))
def test_every_total_is_an_integer(powers_w, interval_s):
    assert {type(total) for total in totals(*powers_w, interval_s=interval_s)} == {int}


@pytest.mark.parametrize("interval_s", [1, 60, 900])
def test_a_device_is_due_in_every_window_that_is_as_long_as_its_interval(interval_s):
    assert all(is_expected(interval_s=interval_s, window_start_ms=900_000 * i, window_s=900) for i in range(5))


def test_a_device_with_a_longer_interval_is_due_only_where_a_multiple_of_it_lies():
    due = [is_expected(interval_s=3_600, window_start_ms=900_000 * i, window_s=900) for i in range(8)]

    assert due == [True, False, False, False, True, False, False, False]


def test_the_end_of_a_window_is_not_in_it():
    assert not is_expected(interval_s=1_800, window_start_ms=900_000, window_s=900)


@given(interval_s=st.integers(61, 7_200), window=st.integers(0, 10_000), window_s=st.sampled_from([60, 300, 900]))
def test_being_due_equals_a_search_for_a_multiple(interval_s, window, window_s):
    start_s = window * window_s
    due = interval_s <= window_s or any(second % interval_s == 0 for second in range(start_s, start_s + window_s))

    assert is_expected(interval_s=interval_s, window_start_ms=start_s * 1_000, window_s=window_s) == due
