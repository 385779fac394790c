"""What counts as stale: not what is silent, but what was promised and did not come."""

from __future__ import annotations

import pytest

from app.domain.rules import Rules
from app.query.clocks import Clocks
from app.query.freshness import SILENT, UNHEARD, UNSEEN, VIEW_BEHIND, WORKER_BEHIND, Judge
from app.query.progress import Progress
from tests.builders import NOON_MS, some_rules

S = 1000
QUARTER_S = 900
TICK_MS = 1000


def rules(*, tick_ms: int = TICK_MS) -> Rules:
    return some_rules(partitions=2, tick_ms=tick_ms)


def heard(*, twin_s: int = 0, other_s: int = 0) -> Clocks:
    """Two partitions of twins and rollup, last written so many seconds before noon; numbers changed long before."""
    clocks = Clocks()
    for part, since_s in ((0, twin_s), (1, other_s)):
        clocks.hear("twin", part, NOON_MS - since_s * S)
        clocks.hear("rollup", part, NOON_MS - QUARTER_S * S)
    return clocks


def watched(*seen: tuple[int, int, int], looked_s: int = 0) -> Progress:
    """What was seen of partition 0 of twins: seconds before noon, committed, end."""
    progress = Progress()
    for since_s, committed, end in seen:
        progress.see({("twin", 0): committed}, {("twin", 0): end}, NOON_MS - since_s * S)
    progress.looked_ms = NOON_MS - looked_s * S
    return progress


def judged(clocks: Clocks, progress: Progress, *, tick_ms: int = TICK_MS, in_replay: bool = False,
           view_s: int = 0) -> Judge:  # fmt: skip
    return Judge(clocks, progress, rules(tick_ms=tick_ms), in_replay=in_replay, view_whole_ms=NOON_MS - view_s * S,
                 now_ms=NOON_MS)  # fmt: skip


def test_a_plant_that_reports_every_quarter_of_an_hour_is_fresh_while_its_ticks_are_read() -> None:
    judge = judged(heard(twin_s=2), watched((0, 100, 100)))

    assert [judge.of(role, 0).is_stale for role in ("twin", "rollup")] == [False, False]
    assert judge.of("rollup", 0).age_s == QUARTER_S


def test_a_partition_without_a_tick_is_stale_and_its_neighbour_is_not() -> None:
    judge = judged(heard(twin_s=11), watched((0, 100, 100)))

    assert judge.of("twin", 0).stale_reason == SILENT
    assert judge.of("twin", 1).stale_reason is None
    assert judge.of_all().is_stale


def test_ticks_that_are_due_seldom_are_waited_for() -> None:
    clocks, progress = heard(twin_s=100, other_s=100), watched((0, 1, 1))

    assert judged(clocks, progress, tick_ms=60_000).of("twin", 0).stale_reason is None
    assert judged(clocks, progress, tick_ms=20_000).of("twin", 0).stale_reason == SILENT


def test_in_a_replay_the_pace_until_now_says_when_a_tick_is_due() -> None:
    clocks = Clocks()
    for since_s in (31, 30, 20):
        clocks.hear("twin", 0, NOON_MS - since_s * S)
    progress = watched((0, 1, 1))

    assert judged(clocks, progress, tick_ms=60_000, in_replay=True).of("twin", 0).stale_reason is None
    clocks.hear("twin", 0, NOON_MS - 19 * S)
    assert judged(clocks, progress, tick_ms=60_000, in_replay=True).of("twin", 0).stale_reason == SILENT


def test_a_worker_that_does_not_read_what_waits_is_behind() -> None:
    dead = watched((20, 100, 100), (19, 100, 101), (10, 100, 110), (0, 100, 120))
    slow = watched((20, 0, 100), (10, 90, 200), (5, 100, 300), (1, 120, 400))

    assert judged(heard(), dead).of("twin", 0).stale_reason == WORKER_BEHIND
    assert judged(heard(), slow).of("twin", 0).stale_reason == WORKER_BEHIND


def test_a_worker_that_reaches_each_end_a_little_later_is_not_behind() -> None:
    busy = watched((20, 0, 100), (15, 100, 200), (10, 200, 300), (5, 300, 400), (0, 400, 500))

    assert judged(heard(), busy).of("twin", 0).stale_reason is None
    assert busy.lag("twin", 0) == 100


def test_a_node_is_stale_with_any_partition_that_holds_sites_below_it() -> None:
    judge = judged(heard(twin_s=11), watched((0, 1, 1)))
    seen = [judge.of("rollup", 1, twins=frozenset(twins)).is_stale for twins in ((), (1,), (0, 1))]

    assert seen == [False, False, True]


@pytest.mark.parametrize(
    ("clocks", "looked_s", "view_s", "reason"),
    [(Clocks(), 0, 0, UNHEARD), (heard(), 11, 0, UNSEEN), (heard(), 0, 11, VIEW_BEHIND), (heard(), 10, 10, None)],
)
def test_what_cannot_be_known_is_stale(clocks: Clocks, looked_s: int, view_s: int, reason: str | None) -> None:
    judge = judged(clocks, watched((0, 1, 1), looked_s=looked_s), view_s=view_s)

    assert judge.of_all().stale_reason == reason
    assert judge.of("twin", 0).stale_reason == reason
