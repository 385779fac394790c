"""Checkpoints of a worker: each partition once per cadence, some with every flush."""

from __future__ import annotations

from collections import Counter

from app.batch.turns import Turns

EIGHT = range(8)


def begun(publish_s: float, checkpoint_s: float) -> Turns:
    turns = Turns(publish_s, checkpoint_s)
    turns.begin(EIGHT, 0.0)
    return turns


def flushed(turns: Turns, now_s: float) -> set[int]:
    due = turns.due(now_s)
    turns.take(due, now_s)
    return due


def test_each_flush_checkpoints_its_share_of_the_partitions():
    turns = begun(publish_s=0.25, checkpoint_s=2.0)
    taken = [flushed(turns, 0.25 * number) for number in range(1, 25)]

    assert {len(due) for due in taken} == {1}
    assert Counter(one for due in taken for one in due) == dict.fromkeys(EIGHT, 3)


def test_no_partition_waits_longer_than_the_cadence():
    turns, last_s = begun(publish_s=1.0, checkpoint_s=2.0), dict.fromkeys(EIGHT, 0.0)
    for now_s in map(float, range(1, 20)):
        for partition in flushed(turns, now_s):
            assert now_s - last_s[partition] <= 2.0
            last_s[partition] = now_s

    assert min(last_s.values()) >= 17.0


def test_a_flush_is_not_waited_for_by_a_partition_that_is_overdue():
    turns = begun(publish_s=10.0, checkpoint_s=2.0)
    assert turns.is_overdue(0.3)  # the last one's turn began seven eighths of a cadence ago
    turns.take(EIGHT, 0.3)

    assert not turns.is_overdue(2.2)
    assert turns.is_overdue(2.5)
    assert turns.due(2.5) == set(EIGHT)


def test_partitions_that_are_gone_are_forgotten():
    turns = begun(publish_s=1.0, checkpoint_s=2.0)
    turns.begin([3], 5.0)

    assert turns.due(100.0) == {3}
