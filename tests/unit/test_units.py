from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.units import Milliseconds, Seconds, divide_half_even, to_milliseconds, to_seconds


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (-5, 2, -2), (2, 3, 1), (-2, 3, -1), (0, 7, 0)],
)
def test_a_half_is_rounded_to_the_even_neighbour(dividend, divisor, quotient):
    assert divide_half_even(dividend, divisor) == quotient


@given(dividend=st.integers(-(10**30), 10**30), divisor=st.integers(1, 10**9))
def test_division_equals_the_exact_fraction_rounded_half_to_even(dividend, divisor):
    assert divide_half_even(dividend, divisor) == round(Fraction(dividend, divisor))


@given(dividend=st.integers(-(10**12), 10**12), divisor=st.integers(1, 10**6))
def test_import_and_export_are_rounded_alike(dividend, divisor):
    assert divide_half_even(-dividend, divisor) == -divide_half_even(dividend, divisor)


def test_what_is_left_of_a_second_is_dropped():
    assert to_seconds(Milliseconds(1_999)) == 1


def test_seconds_become_milliseconds():
    assert to_milliseconds(Seconds(20)) == 20_000
