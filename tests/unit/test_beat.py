"""When a worker publishes: turns on the wall clock, later ones for who reads what others say."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.rollup import AFTER_TWINS
from app.batch.beat import Beat
from app.main import create
from app.settings import Settings

WALL_S = 1_795_000_000.0


def published(every_s: float, phase: float, *, poll_s: float, until_s: float, begin_s: float = 0.0) -> list[float]:
    """Return when one publishes that asks every *poll_s*."""
    beat = Beat(every_s, phase, begin_s, WALL_S + begin_s)
    turns = []
    for step in range(1, round((until_s - begin_s) / poll_s) + 1):
        now_s = begin_s + step * poll_s
        if beat.is_due(now_s, WALL_S + now_s):
            beat.take(now_s, WALL_S + now_s)
            turns.append(now_s)
    return turns


@pytest.mark.parametrize("begin_s", [0.0, 0.3, 0.45, 0.8])
def test_turns_are_where_the_wall_clock_has_them_whenever_a_worker_started(begin_s: float) -> None:
    assert published(1.0, 0.0, poll_s=0.01, until_s=4.5, begin_s=begin_s)[-3:] == pytest.approx([2, 3, 4])
    assert published(1.0, 0.5, poll_s=0.01, until_s=4.6, begin_s=begin_s)[-3:] == pytest.approx([2.5, 3.5, 4.5])


def test_a_worker_that_asks_seldom_misses_no_turn() -> None:
    assert len(published(1.0, 0.0, poll_s=0.3, until_s=30.5)) == 30


def test_a_long_publication_is_followed_by_the_next_without_catching_up() -> None:
    beat = Beat(1.0, 0.0, 0.0, WALL_S)
    beat.take(1.0, WALL_S + 1.0)

    assert beat.is_due(3.9, WALL_S + 3.9)
    beat.take(3.9, WALL_S + 3.9)
    assert [beat.is_due(now_s, WALL_S + now_s) for now_s in (3.95, 4.3, 4.5)] == [False, False, True]
    beat.take(4.5, WALL_S + 4.5)
    assert [beat.is_due(now_s, WALL_S + now_s) for now_s in (4.9, 5.0)] == [False, True]


@pytest.mark.parametrize("step_s", [-3600.0, -0.7, 0.7, 3600.0])
def test_a_wall_clock_that_is_set_costs_no_more_than_a_turn(step_s: float) -> None:
    beat = Beat(1.0, 0.0, 0.0, WALL_S)
    turns = []
    for tick in range(1, 101):
        now_s = tick / 10
        wall_s = WALL_S + now_s + (step_s if now_s > 5 else 0.0)
        if beat.is_due(now_s, wall_s):
            beat.take(now_s, wall_s)
            turns.append(now_s)

    gaps_s = [later - sooner for sooner, later in zip([0.0, *turns], turns, strict=False)]
    assert 0.5 <= min(gaps_s) <= max(gaps_s) <= 2.0
    assert 10.0 - turns[-1] <= 1.0


def test_a_worker_that_just_started_publishes_nothing_for_half_a_cadence() -> None:
    beat = Beat(3600.0, 0.0, 0.0, 3599.0)

    assert not beat.is_due(10.0, 3609.0)
    assert beat.is_due(1800.0, 5399.0)


def test_a_rollup_publishes_later_in_a_cadence_than_the_twins_it_adds_up(tmp_path: Path) -> None:
    settings = Settings.load({"VPP_DATA_DIR": str(tmp_path), "VPP_PUBLISH_CADENCE_S": "4", "VPP_ATTENDED_GAP_S": "10"})
    twin, rollup = (create(role, settings).batch_processor._beat for role in ("twin", "rollup"))

    assert (twin.every_s, twin.phase) == (4, 0)
    assert (rollup.every_s, rollup.phase) == (4, AFTER_TWINS)
    assert 0.5 <= AFTER_TWINS < 1
