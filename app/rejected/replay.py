"""Sends rejected records again: the original bytes, under the original key, to the partition of that key."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from app import topics
from app.cli.topology_change import read_topics
from app.errors import GridtwinError
from app.kafka.admin import require_topics
from app.kafka.clients import consumer, end_offsets, partition_of, read_to_end, topic_partitions, unavailable
from app.kafka.security import connection
from app.quarantine import quarantined_sites
from app.rejected.acceptance import Acceptance
from app.rejected.ledger import LEASE_MS, SEND_WITHIN_S, Ledger, Mark, Step
from app.rejected.rejections import Rejection, Wanted, read_rejections
from app.settings import Settings

HEADER = "vpp-replay-of"
"""Names, on a record that was sent again, the original: its topic, partition and offset."""
MOST_RECORDS = 500
MOST_BYTES = 16 << 20
REQUEST_TIMEOUT_MS = 20_000

SENT, BEFORE, CLAIMED, REFUSED, UNKNOWN = "sent", "sent before", "claimed by another run", "refused", "unknown"


class Tally:
    """What became of the rejections that were meant, by outcome and reason."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def count(self, outcome: str, reason: str) -> None:
        self.counts[outcome, reason] += 1

    def of(self, outcome: str) -> dict[str, int]:
        """Return how many had an outcome, by reason."""
        return {reason: number for (seen, reason), number in sorted(self.counts.items()) if seen == outcome}

    @property
    def total(self) -> int:
        return self.counts.total()


class Due(NamedTuple):
    """A rejection that would be accepted now, and the partition of its key."""

    one: Rejection
    home: int


class Replay:
    """One run over the rejections that are meant; several may run at once, or one after another died."""

    def __init__(self, settings: Settings, wanted: Wanted, *, is_rehearsal: bool = False) -> None:
        self.settings = settings
        self.broker = settings.broker
        self.wanted = wanted
        self.is_rehearsal = is_rehearsal
        self.run = secrets.token_hex(8)
        self.tally = Tally()
        self._judges: list[Acceptance] = []
        self._stamps: dict[int, int | None] = {}

    async def __call__(self) -> Tally:
        """Judge, claim and send, partition by partition."""
        number = self.settings.partitions
        await require_topics(
            self.broker,
            dict.fromkeys((topics.REJECTED, topics.REPLAYED, topics.TELEMETRY, topics.TOPOLOGY_SITE), number),
        )
        await self._learn()
        async with _producer(self.broker) as producer:
            for partition in range(number):
                await self._partition(producer, partition)
        return self.tally

    async def _learn(self) -> None:
        """Read what decides whether a record would be accepted now."""
        in_replay = self.settings.telemetry_timestamps == "create"
        newest = await _newest_ms(self.broker) if in_replay else {}
        self._stamps = {partition: newest.get(partition) for partition in range(self.settings.partitions)}
        topology = await read_topics(self.broker)
        away = await quarantined_sites(self.broker)
        rules, now_ms = self.settings.rules(), int(time.time() * 1000)
        self._judges = [
            Acceptance(partition, rules, self._home, topology, away.keys(), now_ms if at_ms is None else at_ms)
            for partition, at_ms in self._stamps.items()
        ]

    def _home(self, key: bytes) -> int:
        return partition_of(key, self.settings.partitions)

    async def _partition(self, producer: Any, partition: int) -> None:
        ledger = Ledger(self.broker, partition)
        await ledger.read()
        async for batch in self._batches(ledger, partition):
            if self.is_rehearsal:
                self._count(batch, SENT)
            else:
                await self._claim_and_send(producer, ledger, batch)

    async def _batches(self, ledger: Ledger, partition: int) -> AsyncIterator[list[Due]]:
        """Yield what would be accepted and was not sent, some at a time: a value may be of megabytes."""
        batch: list[Due] = []
        size = 0
        async for one in read_rejections(self.broker, self.wanted, [partition]):
            due = self._due(ledger, one)
            if due is not None:
                batch.append(due)
                size += len(one.value or b"")
            if len(batch) >= MOST_RECORDS or size >= MOST_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _due(self, ledger: Ledger, one: Rejection) -> Due | None:
        home = self._home(one.site)
        if ledger.standing(one.key).sent is not None:
            self.tally.count(BEFORE, one.reason)
        elif (why := self._judges[home].refused(one)) is not None:
            self.tally.count(REFUSED, why)
        else:
            return Due(one, home)
        return None

    def _count(self, batch: Iterable[Due], outcome: str) -> None:
        for due in batch:
            self.tally.count(outcome, due.one.reason)

    async def _claim_and_send(self, producer: Any, ledger: Ledger, batch: Sequence[Due]) -> None:
        claimed_s = time.monotonic()
        ends = await end_offsets(self.broker, topics.TELEMETRY)
        await ledger.note(producer, [self._mark(due, "claimed", ends[due.home]) for due in batch])
        await ledger.read()
        mine = [due for due in batch if self._is_mine(ledger, due)]
        found, lost = await self._find(ledger, mine)
        await ledger.note(
            producer, [self._mark(due, "sent", found[due.one.key]) for due in mine if due.one.key in found]
        )
        self._count([due for due in mine if due.one.key in found], BEFORE)
        self._count([due for due in mine if due.one.key in lost], UNKNOWN)
        unsent = [due for due in mine if due.one.key not in found and due.one.key not in lost]
        offsets = await self._send(producer, unsent, claimed_s)
        await ledger.note(producer, [self._mark(due, "sent", at) for due, at in zip(unsent, offsets, strict=True)])
        self._count(unsent, SENT)

    def _mark(self, due: Due, step: Step, offset: int) -> tuple[bytes, Mark]:
        return due.one.key, Mark(step=step, run=self.run, partition=due.home, offset=offset)

    def _is_mine(self, ledger: Ledger, due: Due) -> bool:
        standing = ledger.standing(due.one.key)
        if standing.sent is not None:
            self._count([due], BEFORE)
        elif standing.holder is None or standing.holder.mark.run != self.run:
            self._count([due], CLAIMED)
        else:
            return True
        return False

    async def _find(self, ledger: Ledger, mine: Sequence[Due]) -> tuple[dict[bytes, int], set[bytes]]:
        """Return where runs that ended early sent these, and those of which the log is gone that would tell."""
        doubted: dict[int, dict[bytes, int]] = {}
        for due in mine:
            search_from = ledger.standing(due.one.key).search_from
            if search_from is not None:
                doubted.setdefault(due.home, {})[due.one.key] = search_from
        found: dict[bytes, int] = {}
        lost: set[bytes] = set()
        for home, keys in doubted.items():
            begins = await _begin_offset(self.broker, home)
            lost |= {key for key, start in keys.items() if start < begins}
            source = read_to_end(self.broker, topics.TELEMETRY, [home], {home: max(begins, min(keys.values()))})
            async for record in source:
                key = dict(record.headers).get(HEADER)
                if key in keys:
                    found.setdefault(key, record.offset)
        return found, lost - found.keys()

    async def _send(self, producer: Any, unsent: Sequence[Due], claimed_s: float) -> list[int]:
        """Return the offset of each; past the time in which a claim may be used nothing is sent any more."""
        left_s = SEND_WITHIN_S - (time.monotonic() - claimed_s)
        try:
            return await asyncio.wait_for(self._send_all(producer, unsent), max(left_s, 0.0))
        except TimeoutError as error:
            raise GridtwinError(
                f"Kafka took not all of {len(unsent)} records within {SEND_WITHIN_S:g} s, so the rest is not sent; run "
                f"again in {LEASE_MS // 1000} s: what did arrive is found and not sent twice"
            ) from error

    async def _send_all(self, producer: Any, unsent: Sequence[Due]) -> list[int]:
        sent = [
            await producer.send(
                topics.TELEMETRY, due.one.value, key=due.one.site, partition=due.home,
                timestamp_ms=self._stamps[due.home], headers=[(HEADER, due.one.key)],
            )
            for due in unsent
        ]  # fmt: skip
        return [(await one).offset for one in sent]


@asynccontextmanager
async def _producer(broker: str) -> AsyncIterator[Any]:
    """Give a producer that stops at once when the block fails: what was not sent by then must not be sent later."""
    producer = AIOKafkaProducer(
        **connection(broker), acks="all", enable_idempotence=True, max_request_size=8 << 20, linger_ms=5,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )  # fmt: skip
    try:
        await producer.start()
        try:
            yield producer
        except BaseException:
            await producer._sender.close()
            raise
    except KafkaConnectionError as error:
        raise unavailable(broker) from error
    except KafkaError as error:
        raise GridtwinError(f"Kafka refused what was replayed: {error}") from error
    finally:
        await producer.stop()


async def _begin_offset(broker: str, partition: int) -> int:
    async with consumer(broker) as client:
        (tp,) = await topic_partitions(client, topics.TELEMETRY, [partition])
        return int((await client.beginning_offsets([tp]))[tp])


async def _newest_ms(broker: str) -> dict[int, int]:
    """Return the time of each partition of a replay: that of its last record."""
    found: dict[int, int] = {}
    starts = {partition: max(end - 1, 0) for partition, end in (await end_offsets(broker, topics.TELEMETRY)).items()}
    async for record in read_to_end(broker, topics.TELEMETRY, None, starts):
        found[record.partition] = max(record.timestamp, found.get(record.partition, 0))
    return found
