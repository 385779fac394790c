"""What runs for ever behind a client: aiokafka only logs that it ended, and waits for it from then on."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app.batch.errors import die_of


def watch_consumer(consumer: AIOKafkaConsumer) -> None:
    """End the process when a started consumer will never fetch, or learn who leads a partition, again."""
    _watch_client(consumer._client)
    consumer._fetcher._fetch_task.add_done_callback(die_of)


def watch_member(consumer: AIOKafkaConsumer) -> None:
    """The same for a member of a group, when it will never take part in it again."""
    watch_consumer(consumer)
    consumer._coordinator._coordination_task.add_done_callback(die_of)


def watch_producer(producer: AIOKafkaProducer) -> None:
    """End the process when a started producer will never learn who leads a partition again."""
    _watch_client(producer.client)


def _watch_client(client: Any) -> None:
    client._sync_task.add_done_callback(die_of)
