"""Messages are packed into batches that a topic takes, headers counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from app.batch import BatchError
from app.batch.machine import Message
from app.batch.producer import FULL_BATCH_BYTES, MAX_BATCH_BYTES, BatchProducer
from app.kafka.admin import create_topics
from app.topics import TopicSpec
from tests.batch.counting import Setup
from tests.batch.kafka import make_topics, records
from tests.batch.running import running

pytestmark = pytest.mark.broker


async def test_no_batch_is_larger_than_full_unless_one_message_is(setup: Setup) -> None:
    """Kafka's default limit of a batch is 1 MiB: the broker would refuse a larger one."""
    headers = [("reason", b"r" * 1000)] * 3
    small: list[Message] = [(b"key", b"v", headers)] * 2000
    large: Message = (b"key", b"v" * (FULL_BATCH_BYTES + 1), ())
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        built = producer.build([*small, large, *small[:10]], setup.output)
        assert sum(count for _, count in built) == 2011
        assert all(batch.size() <= FULL_BATCH_BYTES for batch, count in built if count > 1)
        for one in built:
            await (await producer.send_built(setup.output, 1, one))
    assert len(await records(setup.broker, setup.output, 1)) == 2011


async def test_a_message_that_no_batch_takes_is_refused_with_its_key_and_size(setup: Setup) -> None:
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        with pytest.raises(BatchError, match=rf"{MAX_BATCH_BYTES} bytes for {setup.output}, key b'k'"):
            producer.build([(b"k", b"v" * MAX_BATCH_BYTES, ())], setup.output)


async def test_a_topic_that_refuses_what_is_written_is_named_with_its_reason(new_setup: Setup) -> None:
    setup = new_setup
    await make_topics(setup, output={"max.message.bytes": "60"})
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        (one,) = producer.build([(b"k", b"v" * 100, ())], setup.output)
        with pytest.raises(BatchError, match=rf"{setup.output}/1 refused what was written \(MessageSizeTooLargeError"):
            await (await producer.send_built(setup.output, 1, one))


async def test_a_topic_that_was_written_to_is_still_known_when_another_is_met(setup: Setup) -> None:
    """A client that asked for the whole cluster before its first batch never had to ask for the first topic."""
    later = f"{setup.output}-later"
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        client = producer._ensure_producer().client
        await client.force_metadata_update()
        assert client.cluster.partitions_for_topic(setup.output) == {0, 1}
        for topic in (setup.output, later):
            await create_topics(setup.broker, [TopicSpec(topic, setup.partitions, 1, {})])
            (one,) = producer.build([(b"k", b"v", ())], topic)
            await (await producer.send_built(topic, 1, one))
        assert client.cluster.leader_for_partition(TopicPartition(setup.output, 1)) is not None


async def test_one_batch_at_a_time_waits_for_the_place_of_a_partition(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client counts the waiting of each against it again with every one that goes before."""
    async with running(setup) as app:
        producer: BatchProducer = app.producer  # type: ignore[assignment]
        client, waiting, most = producer._ensure_producer(), 0, 0
        send_batch = client.send_batch

        async def watched(*given: Any, **named: Any) -> Any:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            future = await send_batch(*given, **named)
            waiting -= 1
            return future

        monkeypatch.setattr(client, "send_batch", watched)
        batches = [producer.build([(b"k", b"%d" % i, ())], setup.output)[0] for i in range(20)]
        queued = await asyncio.gather(*[producer.send_built(setup.output, 1, one) for one in batches])
        assert [(await one)[0] for one in queued] == list(range(20))
        assert most == 1
