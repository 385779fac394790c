"""Rejected telemetry as its topic holds it, each rejection once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from app import topics
from app.kafka.clients import consumer, read_to_end, topic_partitions


class Rejection(NamedTuple):
    """A record of telemetry that was rejected, or some readings of it: those at `items` of its array."""

    key: bytes
    """`topic/partition/offset` of the original: names the rejection for ever."""
    partition: int
    offset: int
    reason: str
    detail: str
    items: tuple[int, ...]
    site: bytes
    """The original key, which need not be the id of a site."""
    value: bytes | None
    rejected_at_ms: int

    @property
    def place(self) -> str:
        """Where the original lay, as commands take it."""
        return f"{self.partition}/{self.offset}"


class Wanted(NamedTuple):
    """Which rejections are meant; nothing given means all."""

    reasons: frozenset[str] = frozenset()
    site: bytes | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def holds(self, one: Rejection) -> bool:
        """Whether a rejection is meant; the time is when it was rejected, the end excluded."""
        return (
            (not self.reasons or one.reason in self.reasons)
            and (self.site is None or one.site == self.site)
            and (self.since_ms is None or one.rejected_at_ms >= self.since_ms)
            and (self.until_ms is None or one.rejected_at_ms < self.until_ms)
        )


async def read_rejections(
    broker: str, wanted: Wanted, partitions: Iterable[int] | None = None
) -> AsyncIterator[Rejection]:
    """Yield the rejections that are meant, in the order of each partition; one that was said again comes once."""
    seen: set[bytes] = set()
    start = None if wanted.since_ms is None else await _offsets_at(broker, wanted.since_ms)
    async for record in read_to_end(broker, topics.REJECTED, partitions, start):
        one = rejection_of(record)
        if one is not None and one.key not in seen and wanted.holds(one):
            seen.add(one.key)
            yield one


async def _offsets_at(broker: str, at_ms: int) -> dict[int, int]:
    """Return where each partition begins to hold what was rejected at a time or later: at its end if nothing was."""
    async with consumer(broker) as client:
        tps = await topic_partitions(client, topics.REJECTED)
        found = await client.offsets_for_times(dict.fromkeys(tps, at_ms))
        ends = await client.end_offsets(tps)
        return {tp.partition: ends[tp] if at is None else at.offset for tp, at in found.items()}


def rejection_of(record: Any) -> Rejection | None:
    """Return what a record of the topic says; None for one that no worker of ours wrote."""
    headers = dict(record.headers)
    try:
        return Rejection(
            record.key,
            int(headers["vpp-partition"]),
            int(headers["vpp-offset"]),
            headers["vpp-reason"].decode(),
            headers["vpp-detail"].decode(errors="replace"),
            tuple(map(int, filter(None, headers["vpp-items"].decode().split(",")))),
            headers["vpp-key"],
            record.value,
            record.timestamp,
        )
    except (KeyError, ValueError):
        return None
