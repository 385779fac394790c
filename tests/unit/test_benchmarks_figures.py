"""Percentiles, growth and drawings: figures from figures."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from benchmarks.drawing import Scale, lines
from benchmarks.figures import exponent, percentile, slope, summary
from benchmarks.seen import Sight, Span, Volume


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_seen(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_a_summary_is_of_all_values_in_any_order() -> None:
    assert summary([20.0, 1.0, 10.0]) == {"count": 3, "p50": 10.0, "p99": 20.0, "p999": 20.0, "most": 20.0}


def test_nothing_has_no_percentiles() -> None:
    assert summary([]) == {"count": 0}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power: float) -> None:
    found = exponent((x, 3.0 * x**power) for x in (1.0, 2.0, 10.0, 100.0))

    assert found == pytest.approx(power)


def test_one_point_does_not_grow() -> None:
    assert exponent([(1.0, 2.0)]) is None
    assert exponent([(1.0, 2.0), (1.0, 20.0)]) is None
    assert slope([(1.0, 2.0)]) is None


def test_the_slope_leaves_out_what_is_there_from_the_start() -> None:
    assert slope([(1.0, 110.0), (2.0, 120.0), (20.0, 300.0)]) == pytest.approx(10.0)


def test_a_scale_reaches_from_power_of_ten_to_power_of_ten() -> None:
    scale = Scale([2.0, 50.0], 100.0, 300.0)

    assert (scale.at(1.0), scale.at(10.0), scale.at(100.0)) == (100.0, 200.0, 300.0)
    assert [word for _, word in scale.marks()] == ["1", "10", "100"]


def test_a_drawing_has_a_line_per_series_in_order_of_x() -> None:
    drawn = ElementTree.fromstring(lines("a < b", {"x": [(10, 1), (1, 10)], "y": [(1, 1)]}, across="s", up="us"))
    paths = [one.attrib["points"] for one in drawn if one.get("class") == "line"]

    assert len(paths) == 2
    first, second = (float(place.split(",")[0]) for place in paths[0].split())
    assert first < second


def span(from_s: int = 0) -> Span:
    return Span(began_ms=0, from_ms=1000 * from_s, until_ms=100_000)


def test_a_probe_is_seen_when_a_sum_holds_its_count_or_a_later_one() -> None:
    sight = Sight(span(), digits=1)
    for total, at_ms in ((1, 100), (1, 200), (3, 2_500)):
        sight.sum_seen(0, 0, total, at_ms)

    assert sight.latencies_s == [0.1, 1.5, 0.5]


def test_a_twin_shows_every_reading_up_to_the_one_that_it_holds() -> None:
    sight = Sight(span(), digits=1)
    sight.reading_seen(0, 0, measured_ms=1_000, at_ms=1_200)
    sight.reading_seen(0, 0, measured_ms=2_000, at_ms=2_100)

    assert sight.latencies_s == [1.2, 0.2, 0.1]


def test_probes_sent_before_the_part_that_counts_give_no_latency() -> None:
    sight = Sight(span(from_s=2), digits=1)
    sight.sum_seen(0, 0, 3, 2_100)

    assert sight.latencies_s == [0.1]


def test_volume_is_that_of_the_part_that_counts() -> None:
    volume = Volume(span(from_s=80))
    for at_ms in (79_999, 80_000, 99_999, 100_000):
        volume.add(SimpleNamespace(timestamp=at_ms, key=b"k", value=b"x" * 99))

    assert volume.per_s() == {"records_per_s": 0.1, "bytes_per_s": 10}
