"""I1: what was read is acknowledged only after everything that follows from it is: messages, then rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import committed, make_topics, new_name, publish, records, remembered, said
from tests.batch.killing import read_disk
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker
REFUSED = 3000
"""Bytes: more than a topic of the test takes, so that the broker refuses what is sent there."""
SMALL = {"max.message.bytes": "2000"}


async def test_a_refused_message_ends_the_process_before_anything_is_remembered_or_committed(
    broker: str, tmp_path: Path
) -> None:
    setup = Setup(new_name(), broker, str(tmp_path), member_id="one", padding=REFUSED, compression=None)
    await make_topics(setup, output=SMALL)
    await publish(setup, 0, [("a", 1), ("a", 2)])
    with Worker(setup) as worker:
        assert worker.ended() == 1
    assert await records(broker, setup.changelog) == []
    assert await committed(setup) == {}
    await _works_again(replace(setup, padding=0))


async def test_a_refused_row_ends_the_process_before_anything_is_stored_or_committed(
    broker: str, tmp_path: Path
) -> None:
    setup = Setup(new_name(), broker, str(tmp_path), member_id="one", padding=REFUSED, compression=None)
    await make_topics(setup, changelog=SMALL)
    await publish(setup, 0, [("a", 1), ("a", 2)])
    with Worker(setup) as worker:
        assert worker.ended() == 1
    assert await said(setup) == {"a": 3}
    assert read_disk(setup, 0) == ({}, -1)
    assert await committed(setup) == {}
    await _works_again(replace(setup, padding=0))


async def _works_again(setup: Setup) -> None:
    with Worker(setup) as worker:
        worker.caught_up()
        assert worker.stop() == 0
    assert await said(setup) == await remembered(setup) == {"a": 3}
    assert await committed(setup) == {0: 2}
