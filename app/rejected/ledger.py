"""What was replayed: a log in which the first to claim a rejection may send it, and says where it lies now.

A run first claims, then reads the log up to its own claim, then sends, then notes what it sent. The log has one
order for everybody, so of two runs at once each rejection has one holder. A claim without a note is of a run that
died or still works: for `LEASE_MS` it is left alone; whoever claims later takes over and first looks for
what the other may have sent. A run sends within `SEND_WITHIN_S` of its claim or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from app import topics
from app.kafka.clients import read_to_end

SEND_WITHIN_S = 60.0
LEASE_MS = 120_000
"""Longer than a run may wait for its sends and for the request that is then under way; by the broker's clock."""

Step = Literal["claimed", "sent"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a replay, key = that of the rejection. `offset` is where telemetry ended before, or where it lies."""

    schema: int = 1
    step: Step
    run: str
    partition: int
    offset: int


class Noted(NamedTuple):
    """A mark, and when the broker took it."""

    mark: Mark
    at_ms: int


class Standing(NamedTuple):
    """What the log says of a rejection."""

    sent: Mark | None = None
    holder: Noted | None = None
    search_from: int | None = None
    """Where former holders may have sent it, in telemetry; None if there were none."""


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mark).decode


def standing_of(marks: Iterable[Noted]) -> Standing:
    """Return what the marks of one rejection come to: the same for everyone who reads them."""
    holder: Noted | None = None
    former: list[int] = []
    for noted in marks:
        if noted.mark.step == "sent":
            return Standing(sent=noted.mark)
        if holder is None or noted.at_ms - holder.at_ms >= LEASE_MS:
            former += [holder.mark.offset] if holder is not None else []
            holder = noted
    return Standing(None, holder, min(former, default=None))


class Ledger:
    """The marks of one partition, read as far as they go."""

    def __init__(self, broker: str, partition: int) -> None:
        self._broker = broker
        self._partition = partition
        self._marks: dict[bytes, list[Noted]] = {}
        self._next = 0

    async def read(self) -> None:
        """Take in what was noted since the last time."""
        source = read_to_end(self._broker, topics.REPLAYED, [self._partition], {self._partition: self._next})
        async for record in source:
            self._take(record)
            self._next = record.offset + 1

    def _take(self, record: Any) -> None:
        try:
            mark = _decode(record.value or b"")
        except msgspec.MsgspecError:
            return
        self._marks.setdefault(record.key, []).append(Noted(mark, record.timestamp))

    def standing(self, key: bytes) -> Standing:
        """Return what is noted of a rejection."""
        return standing_of(self._marks.get(key, ()))

    async def note(self, producer: Any, marks: Sequence[tuple[bytes, Mark]]) -> None:
        """Write marks, and return when the broker has them."""
        sent = [
            await producer.send(topics.REPLAYED, encode(mark), key=key, partition=self._partition)
            for key, mark in marks
        ]
        for one in sent:
            await one
