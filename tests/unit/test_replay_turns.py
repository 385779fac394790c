"""A replay's stream: every record once between its ticks, wherever it is stopped and taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.dataset.format import Dataset
from app.replay.disturb import Shares
from app.replay.publish import Replay
from app.settings import Settings
from tests.worlds import World, device

START_MS = 1_464_782_400_000
END_MS = START_MS + 120_000
TICK_MS = 15_000


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    world = World(start_ms=START_MS, end_ms=END_MS, grace_s=10)
    world.node("top", "grid")
    world.site("s1", "top", d=device())
    for second in range(120):
        world.say("s1", "d", START_MS + second * 1000, second, after_ms=100 * (second % 2))
    return Replay(Dataset(world.write(tmp_path / "d")), Settings.load({}), shares=Shares(shuffle=0.5), seed=1)


def turns(replay: Replay, after_ms: int = 0, until_ms: int | None = None) -> list[tuple[int, list[int]]]:
    return [(tick_ms, [one.number for one in sent]) for tick_ms, sent in replay._turns(after_ms, until_ms)]


def records(*parts: list[tuple[int, list[int]]]) -> list[int]:
    return [number for part in parts for _, sent in part for number in sent]


def test_ticks_are_a_tick_apart_until_every_window_is_closed(replay: Replay) -> None:
    ticks = [tick_ms for tick_ms, _ in turns(replay)]

    assert ticks == list(range(START_MS, ticks[-1] + 1, TICK_MS))
    assert ticks[-1] >= END_MS + 60_000 + 10_000


def test_every_record_is_in_one_turn(replay: Replay) -> None:
    assert sorted(records(turns(replay))) == list(range(1, 121))


@pytest.mark.parametrize(
    "stop_ms",
    [START_MS, START_MS + 1, START_MS + 15_000, START_MS + 44_000, START_MS + 44_444, END_MS, END_MS + 50_000],
)
def test_stopped_anywhere_and_taken_up_again_nothing_is_lost_or_doubled(stop_ms: int, replay: Replay) -> None:
    first, second = turns(replay, until_ms=stop_ms), turns(replay, after_ms=stop_ms)

    assert first[-1][0] == stop_ms
    assert records(first, second) == records(turns(replay))


def test_what_arrived_before_the_start_is_left_out(replay: Replay) -> None:
    later = turns(replay, after_ms=START_MS + 60_000)

    assert later[0][0] == START_MS + 75_000
    assert 0 < len(records(later)) < 120


def test_nothing_comes_before_the_dataset_begins(replay: Replay) -> None:
    assert records(turns(replay, until_ms=START_MS - 1)) == []
