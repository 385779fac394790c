"""Checkpoints of a worker: each partition once per cadence, some with every flush."""

from __future__ import annotations

from collections import Counter

from app.batch.turns import Turns

EIGHT = range(8)


def begun(checkpoint_s: float = 2.0) -> Turns:
    turns = Turns(checkpoint_s)
    turns.begin(EIGHT, 0.0)
    return turns


def taken(turns: Turns, *, every_s: float, count: int, since_s: float = 0.0) -> list[set[int]]:
    return [turns.take(since_s + every_s * number) for number in range(1, count + 1)]


def test_each_flush_checkpoints_its_share_of_the_partitions():
    flushes = taken(begun(), every_s=0.25, count=24)

    assert {len(one) for one in flushes} == {1}
    assert Counter(one for flush in flushes for one in flush) == dict.fromkeys(EIGHT, 3)


def test_no_partition_waits_a_publication_longer_than_the_cadence():
    last = dict.fromkeys(EIGHT, 0)
    for number, flush in enumerate(taken(begun(), every_s=0.3, count=60), 1):
        for partition in flush:
            assert 0.3 * (number - last[partition]) <= 2.0 + 0.3
            last[partition] = number

    assert min(last.values()) > 60 - 8


def test_partitions_that_a_stall_has_brought_together_part_again():
    turns = begun()
    assert turns.take(30.0) == set(EIGHT)

    assert [len(one) for one in taken(turns, every_s=0.25, count=8, since_s=30.0)] == [1] * 8


def test_a_flush_is_not_waited_for_by_a_partition_that_is_overdue():
    turns = begun()
    turns.take(1.0)

    assert not turns.is_overdue(2.3)
    assert turns.is_overdue(2.5)
    assert turns.take(2.5) >= set(range(4, 8))


def test_flushes_that_are_rare_checkpoint_everything():
    assert taken(begun(), every_s=10.0, count=3) == [set(EIGHT)] * 3


def test_a_long_cadence_is_kept_however_often_a_flush_comes():
    assert set().union(*taken(begun(3600.0), every_s=0.1, count=1000)) == set()


def test_all_are_taken_at_once_where_that_is_asked():
    turns = begun()

    assert turns.take_all(1.0) == set(EIGHT)
    assert turns.take(1.1) == set()


def test_partitions_that_are_gone_are_forgotten():
    turns = begun()
    turns.begin([3], 5.0)

    assert turns.take(100.0) == {3}
