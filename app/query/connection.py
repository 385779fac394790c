"""The connection to Kafka: waited for as long as it takes, while questions are answered with why there is no answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from app.errors import GridtwinError
from app.kafka.admin import admin, require_topics
from app.kafka.security import connection
from app.query.source import FIXED, Source
from app.settings import Settings
from app.topics import TOPOLOGY_NODE

FETCH_BYTES = 1 << 20
RETRY_S = 1.0

log = logging.getLogger(__name__)


async def wait_for_kafka(settings: Settings, source: Source) -> str:
    """Return which deployment this is, once Kafka answers; raise if its topics are not as they have to be."""
    while True:
        try:
            async with admin(settings.broker) as client:
                cluster = str((await client.describe_cluster())["cluster_id"])
            await require_topics(settings.broker, _needed(settings))
            return f"{cluster}/{settings.partitions}/{settings.window_s}"
        except GridtwinError as error:
            if not isinstance(error.__cause__, KafkaError):
                raise
            _tell(source, str(error))
        await asyncio.sleep(RETRY_S)


def _tell(source: Source, trouble: str) -> None:
    if source.unreachable != trouble:
        log.warning("%s; trying again until it does", trouble)
    source.unreachable = trouble


def _needed(settings: Settings) -> dict[str, int]:
    return {name: 1 if name == TOPOLOGY_NODE else settings.partitions for name in FIXED}


@asynccontextmanager
async def consumer(settings: Settings) -> AsyncIterator[Any]:
    """Give a started consumer that belongs to no group."""
    client = await _started(settings)
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            await client.stop()


async def _started(settings: Settings) -> Any:
    while True:
        client = AIOKafkaConsumer(
            **connection(settings.broker), enable_auto_commit=False, auto_offset_reset="none",
            max_partition_fetch_bytes=FETCH_BYTES, fetch_max_wait_ms=100,
        )  # fmt: skip
        try:
            await client.start()
            return client
        except KafkaError as error:
            log.warning("could not connect: %s; trying again, nothing to do unless it goes on: see VPP_BROKER", error)
            with contextlib.suppress(Exception):
                await client.stop()
        await asyncio.sleep(RETRY_S)
