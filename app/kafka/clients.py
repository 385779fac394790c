"""Plain clients, outside any group: read to an end, publish batches, find a key's partition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from app.domain.murmur import partition_of as partition_of
from app.errors import GridtwinError
from app.kafka.security import connection

Message = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]], int | None]
"""Key, value, headers, timestamp in milliseconds (None: now)."""

POLL_MS = 300
MOST_RECORDS = 20_000
"""Of one poll, however well their batches are compressed."""
MAX_IN_FLIGHT = 64
LONGEST_SILENCE_S = 40.0
PARTING_S = 1.0


class BrokerUnavailableError(GridtwinError):
    """Kafka did not answer."""


def unavailable(broker: str) -> BrokerUnavailableError:
    """Return what to tell about a broker that does not answer."""
    return BrokerUnavailableError(
        f"no Kafka broker answers at {broker}; start one with `gridtwin broker start`, or set VPP_BROKER"
    )


@asynccontextmanager
async def consumer(broker: str) -> AsyncIterator[Any]:
    """Give a started consumer outside any group."""
    client = AIOKafkaConsumer(
        **connection(broker),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
        max_poll_records=MOST_RECORDS,
        fetch_max_wait_ms=100,
    )
    try:
        await client.start()
        yield client
    except KafkaConnectionError as error:
        raise unavailable(broker) from error
    except KafkaError as error:
        raise GridtwinError(f"Kafka at {broker} refused: {error}") from error
    finally:
        # Over TLS an answer under way can hold its end up for 30 s; a client that only read has nothing to lose.
        await asyncio.wait([asyncio.ensure_future(client.stop())], timeout=PARTING_S)


async def topic_partitions(client: Any, topic: str, partitions: Iterable[int] | None = None) -> list[TopicPartition]:
    """Return the partitions of a topic, all of them if none are named."""
    if partitions is None:
        await _look_at_cluster(client)
        partitions = client.partitions_for_topic(topic)
        if not partitions:
            raise GridtwinError(f"topic {topic} does not exist; make the topics with `gridtwin topics create`")
    return [TopicPartition(topic, partition) for partition in sorted(partitions)]


async def _look_at_cluster(client: Any) -> None:
    """Ask what topics there are. A broker that has just come back does not know yet, and names none."""
    until_s = time.monotonic() + LONGEST_SILENCE_S
    while not await client._client.force_metadata_update():
        if time.monotonic() > until_s:
            raise KafkaConnectionError("no broker knows the cluster")
        await asyncio.sleep(POLL_MS / 1000)


async def read_to_end(
    broker: str, topic: str, partitions: Iterable[int] | None = None, start: Mapping[int, int] | None = None
) -> AsyncIterator[Any]:
    """Yield the records of a topic up to where it ends now, partition by partition as they are fetched."""
    async with consumer(broker) as client:
        tps = await topic_partitions(client, topic, partitions)
        client.assign(tps)
        ends = await client.end_offsets(tps)
        for tp in tps:
            if start is not None and tp.partition in start:
                client.seek(tp, start[tp.partition])
        missing, patience = set(tps), Patience(broker)
        while missing := {tp for tp in missing if await client.position(tp) < ends[tp]}:
            for tp, records in patience.see(await client.getmany(*missing, timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield record


class Patience:
    """Ends a wait for records that are known to be there: a client by itself waits for a broker for ever."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._heard_s = time.monotonic()

    def see(self, records: dict[TopicPartition, Any]) -> dict[TopicPartition, Any]:
        """Pass on what came, or raise when nothing has for long."""
        if records:
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > LONGEST_SILENCE_S:
            raise unavailable(self._broker)
        return records


async def end_offsets(broker: str, topic: str) -> dict[int, int]:
    """Return where each partition of a topic ends."""
    async with consumer(broker) as client:
        tps = await topic_partitions(client, topic)
        return {tp.partition: end for tp, end in (await client.end_offsets(tps)).items()}


class BatchPublisher:
    """Publishes whole batches to explicit partitions, idempotently, with a bounded number in flight."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            **connection(self.broker),
            acks="all",
            enable_idempotence=True,
            max_batch_size=1 << 20,
            max_request_size=8 << 20,
            linger_ms=5,
        )
        try:
            await self._producer.start()
        except KafkaConnectionError as error:
            await self._producer.stop()
            raise unavailable(self.broker) from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:  # fmt: skip
        try:
            if error is None:
                await self.flush()
        finally:
            await self._producer.stop()

    async def publish(self, topic: str, partition: int, messages: Iterable[Message]) -> None:
        """Queue messages for one partition, in order."""
        batch = self._producer.create_batch()
        for key, value, headers, timestamp_ms in messages:
            if batch.append(key=key, value=value, timestamp=timestamp_ms, headers=list(headers)) is None:
                await self._send(batch, topic, partition)
                batch = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=timestamp_ms, headers=list(headers)) is None:
                    await self._send_alone(topic, partition, (key, value, headers, timestamp_ms))
        if batch.record_count():
            await self._send(batch, topic, partition)

    async def _send(self, batch: Any, topic: str, partition: int) -> None:
        batch.close()
        await self._track(await self._producer.send_batch(batch, topic, partition=partition))

    async def _send_alone(self, topic: str, partition: int, message: Message) -> None:
        """A message larger than a batch goes by itself."""
        key, value, headers, timestamp_ms = message
        await self._track(
            await self._producer.send(
                topic, value, key=key, partition=partition, timestamp_ms=timestamp_ms, headers=list(headers)
            )
        )

    async def _track(self, sent: Awaitable[Any]) -> None:
        self._in_flight.add(asyncio.ensure_future(sent))
        while len(self._in_flight) >= MAX_IN_FLIGHT:
            done, self._in_flight = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            _check(done, self.broker)

    async def flush(self) -> None:
        """Wait until everything is acknowledged."""
        if self._in_flight:
            done, self._in_flight = await asyncio.wait(self._in_flight)
            _check(done, self.broker)


def _check(done: set[asyncio.Future[Any]], broker: str) -> None:
    for future in done:
        try:
            future.result()
        except (KafkaConnectionError, KafkaTimeoutError) as error:
            raise unavailable(broker) from error
        except KafkaError as error:
            raise GridtwinError(f"Kafka refused what was published: {error}") from error
