"""What is read may be compressed with any codec of Kafka's; what is written is, with the one that was chosen."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiokafka.codec import lz4_decode, lz4_encode
from aiokafka.record.memory_records import MemoryRecords

from app.batch.compression import fast_lz4
from app.batch.lean import MOST_RECORDS
from app.batch.producer import BatchProducer
from app.kafka.clients import MOST_RECORDS as MOST_POLLED
from app.kafka.clients import consumer, topic_partitions
from tests.batch.counting import Setup
from tests.batch.kafka import make_topics, publish_compressed, records, remembered, said
from tests.batch.running import PATIENCE_S, is_settled, running, until

pytestmark = pytest.mark.broker
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
HEADER_BYTES = 61
NUMBERS = {None: 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
"""Of codecs, in the attributes of a batch."""


async def test_a_source_may_hold_batches_of_every_codec(setup: Setup) -> None:
    for codec in CODECS:
        await publish_compressed(setup, codec, [(codec or "plain", 7)] * 100)
    async with running(setup) as app:
        await until(is_settled(app, 500))
    assert await said(setup) == {codec or "plain": 700 for codec in CODECS}


@pytest.mark.parametrize("codec", CODECS)
async def test_what_is_written_is_compressed_as_chosen_and_read_back(new_setup: Setup, codec: str | None) -> None:
    setup = replace(new_setup, compression=codec, padding=400)
    await make_topics(setup)
    await publish_compressed(setup, codec, [("a", 1), ("b", 2)] * 100)
    async with running(setup) as app:
        await until(is_settled(app, 200))
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        ((batch, count),) = producer.build([(b"k", b"v" * 1000, ())] * 100, setup.output)
        raw = bytes(batch._build())
    assert count == batch.record_count() == 100
    assert MemoryRecords(raw).next_batch().compression_type == NUMBERS[codec]
    assert (len(raw) < 10_000) == (codec is not None)
    assert await said(setup) == await remembered(setup) == {"a": 100, "b": 200}


async def test_lz4_is_that_of_the_fast_level(setup: Setup) -> None:
    """aiokafka asks for level 9; which function it calls is a private name of its."""
    messages = [(b"%d" % i, b"%d" % (i * i * 7919) * 5, ()) for i in range(1000)]
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        squeezed = bytes(producer.build(messages, setup.output)[0][0]._build())[HEADER_BYTES:]
    plain = lz4_decode(squeezed)
    assert squeezed == fast_lz4(plain) != lz4_encode(plain)


async def test_a_client_that_is_no_worker_takes_it_in_parts_too(setup: Setup) -> None:
    await publish_compressed(setup, "zstd", [("a", 1)] * (2 * MOST_POLLED))
    async with consumer(setup.broker) as client:
        (tp,) = await topic_partitions(client, setup.source, [0])
        client.assign([tp])
        taken: list[int] = []
        async with asyncio.timeout(PATIENCE_S):
            while sum(taken) < 2 * MOST_POLLED:
                taken += map(len, (await client.getmany(timeout_ms=100)).values())
    assert max(taken) <= MOST_POLLED


async def test_a_batch_of_few_bytes_and_many_records_comes_in_parts(setup: Setup) -> None:
    """The queue holds batches: their records are bounded also where a fetch's bytes hold more of them."""
    amounts = 2 * MOST_RECORDS + 1000
    await publish_compressed(setup, "zstd", [("a", 1)] * amounts)
    async with running(setup) as app:
        await until(is_settled(app, amounts))
        assert MOST_RECORDS / 2 <= app.batch_processor.metrics.largest_batch < MOST_RECORDS
    assert len(await records(setup.broker, setup.source)) == amounts
    assert await said(setup) == {"a": amounts}
