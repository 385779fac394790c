"""A worker reads on where its state ends; what the group committed, or lost, changes nothing."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from faust.types import TP

from app.batch import BatchApp, BatchError
from tests.batch.counting import Setup
from tests.batch.kafka import commit, delete_records, delete_topics, make_topics, publish, remembered, said
from tests.batch.running import is_settled, running, until
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("offset", [0, 5], ids=["behind", "ahead"])
async def test_what_the_group_committed_changes_nothing(setup: Setup, offset: int) -> None:
    await publish(setup, 0, [("a", 1), ("a", 2)])
    async with running(setup) as app:
        await until(is_settled(app, 2))
    await publish(setup, 0, [("a", 10), ("a", 20), ("a", 100)])
    await commit(setup, {0: offset})
    async with running(setup) as app:
        await until(is_settled(app, 3))
        assert app.batch_processor.metrics.records == 3
    assert await said(setup) == await remembered(setup) == {"a": 133}


async def test_a_source_made_again_is_refused_with_the_remedy(setup: Setup) -> None:
    setup = replace(setup, member_id="one")
    await _fold_three_and_stop(setup)
    await delete_topics(setup, setup.source)
    await make_topics(setup)
    with Worker(setup) as worker:
        assert worker.ended() == 1
        assert "ends at 0, but the state has folded it up to 2: the topic was made again; reset" in worker.log()


async def test_a_source_made_again_that_has_grown_past_what_was_folded_is_refused_with_the_remedy(setup: Setup) -> None:
    setup = replace(setup, member_id="one")
    await _fold_three_and_stop(setup)
    await delete_topics(setup, setup.source)
    await make_topics(setup)
    await publish(setup, 0, [("a", 100)] * 10)
    with Worker(setup) as worker:
        assert worker.ended() == 1
        assert re.search(
            r"has the id \w{32}, but the state was made from \w{32}: the topic was made again", worker.log()
        )
    assert await remembered(setup) == {"a": 13}


async def test_a_source_whose_records_retention_removed_before_they_were_folded_is_refused(setup: Setup) -> None:
    setup = replace(setup, member_id="one")
    await _fold_three_and_stop(setup)
    await publish(setup, 0, [("a", 10), ("a", 20)])
    await delete_records(setup, setup.source, 4)
    with Worker(setup) as worker:
        assert worker.ended() == 1
        assert "begins at 4, but the state needs it from 3 on: retention removed records" in worker.log()


async def test_a_hole_in_what_is_fetched_is_refused_if_retention_made_it(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1)] * 10)
    async with running(setup) as app:
        await until(is_settled(app, 10))
        await delete_records(setup, setup.source, 5)
        tp = TP(setup.source, 0)
        await app.consumer._check_hole(tp, 5, 7)
        with pytest.raises(BatchError, match="now begins at 5, 4 was due: retention"):
            await app.consumer._check_hole(tp, 4, 7)
        with pytest.raises(BatchError, match="gave offset 4 where 7 was due: the topic was made again"):
            await app.consumer._check_hole(tp, 7, 4)


async def test_what_was_being_fetched_when_a_source_was_sought_is_fetched_again(setup: Setup) -> None:
    async with running(setup) as app:
        await _stop_fetching(app)
        await publish(setup, 0, [("a", 1), ("a", 2)])
        fetch = asyncio.create_task(app.consumer._deliver_next())
        await asyncio.sleep(0)
        app.consumer._seeks += 1
        await fetch
        assert app.batch_processor.metrics.records == 0
        await app.consumer._deliver_next()
        await until(is_settled(app, 2))
    assert await said(setup) == {"a": 3}


async def _stop_fetching(app: BatchApp) -> None:
    """From now on the test fetches by hand. The fetch that was under way is over before the first of these."""
    await app._fetcher.stop()
    await app.consumer._deliver_next()


async def _fold_three_and_stop(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1), ("a", 2), ("a", 10)])
    async with running(setup) as app:
        await until(is_settled(app, 3))
