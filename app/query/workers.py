"""Looks how far the workers of the other roles are: what their groups committed, and where their sources end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.generation import ROOT
from app.kafka.security import connection
from app.query.progress import Place
from app.query.service import Service
from app.topics import CONTRIBUTED, TELEMETRY

SOURCES = {"twin": TELEMETRY, "rollup": CONTRIBUTED}
LOOK_EVERY_S = 1.0
LOOK_WITHIN_S = 5.0

log = logging.getLogger(__name__)


async def watch_workers(service: Service) -> None:
    """Look again and again; while Kafka does not answer, what is known grows old, and is said to be."""
    while True:
        try:
            await _watch(service)
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("could not look how far the workers are: %s; looked again soon, nothing to do unless it "
                        "goes on", error or type(error).__name__)  # fmt: skip
        await asyncio.sleep(LOOK_EVERY_S)


async def _watch(service: Service) -> None:
    client = AIOKafkaAdminClient(**connection(service.settings.broker))
    try:
        await asyncio.wait_for(client.start(), LOOK_WITHIN_S)
        while True:
            at_ms = service.replica.now_ms
            committed, ends = await asyncio.wait_for(_look(service, client), LOOK_WITHIN_S)
            service.progress.see(committed, ends, at_ms)
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        with contextlib.suppress(Exception):
            await client.close()


async def _look(service: Service, client: Any) -> tuple[dict[Place, int], dict[Place, int]]:
    """Read commits first: a worker that had read everything then is not taken to be behind."""
    committed: dict[Place, int] = {}
    for role in SOURCES:
        offsets = await client.list_consumer_group_offsets(f"{ROOT}-{role}")
        committed |= {(role, tp.partition): held.offset for tp, held in offsets.items() if tp.topic == SOURCES[role]}
    tps = {TopicPartition(topic, part): (role, part) for role, topic in SOURCES.items()
           for part in range(service.view.rules.partitions)}  # fmt: skip
    ends = await service.source.client.end_offsets(list(tps))
    return committed, {tps[tp]: end for tp, end in ends.items()}
