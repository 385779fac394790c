"""`python -m tests.faults.planted_worker BUG ROLE`: a real worker with one bug planted, for the harness to notice."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from app.batch.outputs import Outputs
from app.batch.processor import Processor
from app.batch.producer import BatchProducer
from app.batch.progress import Progress
from app.batch.store import RowStore
from app.cli.worker import worker

BUGS: dict[str, Callable[[], None]] = {}


def bug(plant: Callable[[], None]) -> Callable[[], None]:
    BUGS[plant.__name__.replace("_", " ")] = plant
    return plant


@bug
def one_message_in_five_hundred_is_lost() -> None:
    build, number = BatchProducer.build, count(1)

    def bad(self: Any, messages: Any, topic: str) -> Any:
        return build(self, [one for one in messages if next(number) % 500], topic)

    BatchProducer.build = bad  # type: ignore[method-assign]


@bug
def sources_are_acknowledged_before_messages_are() -> None:
    say = Outputs.say
    sending: set[Any] = set()

    async def later(self: Any, outgoing: Any) -> None:
        await asyncio.sleep(1.0)
        await say(self, outgoing)

    async def bad(self: Any, outgoing: Any) -> None:
        sending.add(asyncio.ensure_future(later(self, outgoing)))

    Outputs.say = bad  # type: ignore[method-assign]


@bug
def what_came_while_it_was_away_is_skipped() -> None:
    positions = Progress.positions

    def bad(self: Any, assignment: Any) -> Any:
        return {tp: max(at, self._ends[tp.partition]) for tp, at in positions(self, assignment).items()}

    Progress.positions = bad  # type: ignore[method-assign]


@bug
def one_row_in_a_hundred_is_not_stored() -> None:
    write, number = RowStore.write, count(1)

    def bad(self: Any, rows: Any, offset: int) -> None:
        write(self, [row for row in rows if next(number) % 100], offset)

    RowStore.write = bad  # type: ignore[method-assign]


@bug
def one_changelog_record_in_ten_is_not_restored() -> None:
    restore, number = RowStore.restore, count(1)

    def bad(self: Any, records: Any, offset: int) -> None:
        restore(self, [record for record in records if next(number) % 10], offset)

    RowStore.restore = bad  # type: ignore[method-assign]


@bug
def memory_leaks() -> None:
    leaked: list[bytes] = []
    measure = Processor._measure

    def bad(self: Any) -> None:
        if len(leaked) < 3:
            leaked.append(b"x" * (300 << 20))
        measure(self)

    Processor._measure = bad  # type: ignore[method-assign]


if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    sys.argv[1:] = sys.argv[2:]
    worker()
