"""Kafka's own cleaner at work: what it leaves out of a log, nobody waits for."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.kafka.admin import admin
from app.kafka.clients import BatchPublisher, end_offsets
from tests.batch.counting import Setup
from tests.batch.kafka import CLEANED_AT_ONCE, committed, make_topics, records, said
from tests.batch.running import running
from tests.batch.test_recovery import restore, row

pytestmark = pytest.mark.broker
PATIENCE_S = 90.0
Rows = list[tuple[bytes, bytes | None]]


@pytest.fixture
async def cleaned(new_setup: Setup) -> Setup:
    """Source and changelog with a hole at the beginning and holes between what is left."""
    setup = new_setup
    await _clean_often(setup.broker)
    await make_topics(setup, source=CLEANED_AT_ONCE, changelog=CLEANED_AT_ONCE)
    amounts: Rows = [(b"a", b"1"), (b"b", b"2"), (b"a", b"10"), (b"c", b"20"), (b"b", b"100")]
    rows: Rows = [(b"a", row(1)), (b"b", row(2)), (b"a", row(10)), (b"c", row(20)), (b"b", None)]
    await asyncio.gather(_write_and_clean(setup, setup.source, amounts), _write_and_clean(setup, setup.changelog, rows))
    return setup


async def test_a_compacted_changelog_is_restored_to_its_end(cleaned: Setup) -> None:
    kept = [record.offset for record in await records(cleaned.broker, cleaned.changelog, 0)]
    rows, offset, read = await restore(cleaned)
    assert {b"a": rows[b"a"], b"c": rows[b"c"]} == {b"a": row(10), b"c": row(20)}
    assert b"b" not in rows
    assert offset == (await end_offsets(cleaned.broker, cleaned.changelog))[0] - 1
    assert 0 < read <= len(kept)  # the cleaner may have come by again


async def test_a_compacted_source_is_folded_and_committed_to_its_end(cleaned: Setup) -> None:
    end = (await end_offsets(cleaned.broker, cleaned.source))[0]
    async with running(cleaned):
        await _until_committed(cleaned, end)
    totals = await said(cleaned)
    assert (totals["a"], totals["b"], totals["c"]) == (10, 100, 20)


async def _write_and_clean(setup: Setup, topic: str, rows: Rows) -> None:
    """Write rows, then roll the segment with one more until the cleaner was there."""
    await _write(setup, topic, rows)
    deadline = time.monotonic() + PATIENCE_S
    while (left := [record.offset for record in await records(setup.broker, topic, 0)])[0] == 0:
        assert time.monotonic() < deadline, left
        await _write(setup, topic, [(b"roll", b"0" * 8)])


async def _until_committed(setup: Setup, offset: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (await committed(setup)).get(0) != offset:
        assert time.monotonic() < deadline, await committed(setup)
        await asyncio.sleep(0.1)


async def _write(setup: Setup, topic: str, rows: Rows) -> None:
    async with BatchPublisher(setup.broker) as publisher:
        await publisher.publish(topic, 0, [(key, value, (), None) for key, value in rows])


async def _clean_often(broker: str) -> None:
    async with admin(broker) as client:
        often = ConfigResource(ConfigResourceType.BROKER, "1", configs={"log.cleaner.backoff.ms": "50"})
        await client.alter_configs([often])
