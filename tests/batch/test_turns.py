"""Partitions take turns: each on its cadence, one after the other, never while one is in a turn already."""

from __future__ import annotations

import asyncio

from app.batch.turns import Turns


def a_minute_of(turns: Turns, partitions: int, step_s: float = 0.25) -> dict[int, list[tuple[float, bool]]]:
    turns.begin(range(partitions), 100.0)
    taken: dict[int, list[tuple[float, bool]]] = {partition: [] for partition in range(partitions)}
    for step in range(int(60 / step_s)):
        for partition, checkpoint in turns.take(100.0 + step * step_s):
            taken[partition].append((step * step_s, checkpoint))
    return taken


def test_every_partition_publishes_each_second_and_checkpoints_every_other():
    for turns in a_minute_of(Turns(1.0, 2.0), 4).values():
        assert 59 <= len(turns) <= 61
        assert sum(checkpoint for _, checkpoint in turns) in (29, 30, 31)


def test_partitions_do_not_take_their_turns_at_once():
    first = {partition: turns[0][0] for partition, turns in a_minute_of(Turns(1.0, 2.0), 4).items()}

    assert first == {0: 1.0, 1: 0.75, 2: 0.5, 3: 0.25}


def test_a_turn_that_is_asked_for_puts_off_the_next():
    turns = Turns(1.0, 2.0)
    turns.begin([0], 100.0)

    assert turns.took(0, 100.5, checkpoint=True)
    assert turns.take(101.25) == []
    assert turns.take(101.5) == [(0, False)]
    assert turns.take(102.5) == [(0, True)]


async def test_a_partition_in_a_turn_gets_no_second_one():
    turns = Turns(1.0, 2.0)
    turns.begin([0, 1], 100.0)

    async with turns.lock(0):
        assert [partition for partition, _ in turns.take(110.0)] == [1]
    assert [partition for partition, _ in turns.take(110.0)] == [0]


async def test_alone_waits_for_every_turn_and_lets_none_begin():
    turns, order = Turns(1.0, 2.0), []
    turns.begin([0, 1], 100.0)

    async def in_a_turn() -> None:
        async with turns.lock(1):
            order.append("turn begins")
            await asyncio.sleep(0)
            order.append("turn ends")

    task = asyncio.create_task(in_a_turn())
    await asyncio.sleep(0)
    async with turns.alone([0, 1]):
        order.append("alone")
        assert turns.take(110.0) == []
    await task

    assert order == ["turn begins", "turn ends", "alone"]
    assert not turns.is_any_held


def test_what_is_let_go_of_gets_no_turn():
    turns = Turns(1.0, 2.0)
    turns.begin([0, 1], 100.0)
    turns.begin([], 100.0)

    assert turns.take(110.0) == []
