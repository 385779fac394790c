"""I7: records folded again make the same rows and messages, byte for byte, however they are fetched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import delete_topics, make_topics, publish, records
from tests.batch.running import running, until

pytestmark = pytest.mark.broker
NEVER_S = 3600.0
Said = list[tuple[bytes, bytes]]


async def test_a_replay_from_nothing_writes_the_same_rows_and_messages_byte_for_byte(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1), ("b", 2), ("c", 10), ("b", None), ("a", 20)] * 20, batch=10)
    at_once = await _fold_all(setup)
    await delete_topics(setup, setup.changelog, setup.output)
    await make_topics(setup)
    one_by_one = await _fold_all(replace(setup, directory=setup.directory + "-again", fetch_bytes=1))
    assert at_once == one_by_one
    assert len(at_once[0]) == 5


async def _fold_all(setup: Setup) -> tuple[Said, Said]:
    """Return rows and messages of a worker that flushes once, at its end."""
    async with running(replace(setup, publish_s=NEVER_S, checkpoint_s=NEVER_S)) as app:
        await until(lambda: app.batch_processor.metrics.records == 100)
    return await _read(setup, setup.changelog), await _read(setup, setup.output)


async def _read(setup: Setup, topic: str) -> Said:
    return [(record.key, record.value) for record in await records(setup.broker, topic, 0)]
