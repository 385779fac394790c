"""Ticks: one per interval while a partition is silent, none in a replay."""

from __future__ import annotations

from agents.ticks import Ticks


def taken(ticks: Ticks, *times_s: float) -> list[float]:
    return [at_s for at_s in times_s if ticks.take(at_s)]


def test_a_silent_partition_ticks_once_per_interval() -> None:
    assert taken(Ticks(2.0), 100, 101, 102, 103, 104, 105, 106) == [102, 104, 106]


def test_a_tick_that_comes_late_does_not_delay_the_next() -> None:
    assert taken(Ticks(2.0), 100, 102.5, 104, 106) == [102.5, 104, 106]


def test_what_was_missed_is_not_made_up_for() -> None:
    assert taken(Ticks(1.0), 100, 110, 110.1, 110.2, 111) == [110, 111]


def test_what_arrives_puts_the_next_tick_off() -> None:
    ticks = Ticks(2.0)
    ticks.take(100)
    ticks.heard()

    assert taken(ticks, 101.5, 102, 103, 103.5) == [103.5]


def test_without_an_interval_nothing_ticks() -> None:
    assert taken(Ticks(None), 100, 200, 300) == []
