"""I10: heartbeats, metrics and timers get their turns while much is folded or flushed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.batch import BatchApp, Outgoing
from tests.batch.counting import Setup
from tests.batch.kafka import make_topics, new_name
from tests.batch.running import running

pytestmark = pytest.mark.broker
NEVER_S = 3600.0
PARTITIONS = 20


@pytest.fixture
async def app(broker: str, tmp_path: Path) -> AsyncIterator[BatchApp]:
    """An application whose machines are many and quiet."""
    setup = Setup(new_name(), broker, str(tmp_path), PARTITIONS, publish_s=NEVER_S, checkpoint_s=NEVER_S)
    await make_topics(setup)
    async with running(setup) as made:
        made.batch_processor.machines = {partition: _Quiet() for partition in range(PARTITIONS)}
        yield made
        made.batch_processor._pending.clear()


async def test_others_get_a_turn_between_the_partitions_of_a_flush(app: BatchApp) -> None:
    assert await _turns_during(app.batch_processor.flush(checkpoint=True), app) > PARTITIONS / 2


async def test_others_get_a_turn_between_two_batches(app: BatchApp) -> None:
    async def fold_all() -> None:
        for partition in range(PARTITIONS):
            await app.batch_processor._take(_Event(_Message(partition, app.consumer_generation_id)))

    assert await _turns_during(fold_all(), app) > PARTITIONS / 2


async def _turns_during(work: Coroutine[Any, Any, None], app: BatchApp) -> int:
    """Return in how many turns of another task some but not all machines had worked."""
    seen: set[int] = set()

    async def look_on() -> None:
        while True:
            seen.add(sum(machine.calls for machine in app.batch_processor.machines.values()))  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    onlooker = asyncio.create_task(look_on())
    await work
    onlooker.cancel()
    return len(seen)


class _Quiet:
    """Says and remembers nothing, and counts how often it was asked to work."""

    offset = -1

    def __init__(self) -> None:
        self.calls = 0

    def apply(self, records: Any, *, settled: bool) -> bool:
        self.calls += 1
        return True

    def caught_up_at(self, end_offset: int) -> None: ...

    def say(self, *, behind: bool, checkpoint: bool, now_s: float) -> list[Outgoing]:
        self.calls += 1
        return []

    def announce(self) -> list[Any]:
        return []

    def remember(self) -> list[Any]:
        return []

    def remembered(self) -> None: ...


@dataclass
class _Message:
    partition: int
    generation_id: int
    records: tuple[int, ...] = (1,)


@dataclass
class _Event:
    message: _Message
    value: tuple[int, ...] = ()
