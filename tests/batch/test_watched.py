"""A task that has to run for ever behind a client ends the worker when it ends: aiokafka only logs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.counting import Setup
from tests.batch.running import running

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
BREAKING = """
import asyncio, json, logging, sys
from tests.batch.counting import Setup
from tests.batch.running import running
logging.basicConfig(format="%(message)s")

def broken(*_):
    raise KeyError("it is broken")

async def main():
    async with running(Setup(**json.loads(sys.argv[1]))) as app:
        thread = app.consumer._thread
        consumer, producer = thread._ensure_consumer(), app.producer._ensure_producer()
        loop = thread.thread_loop
        {what}
        await asyncio.sleep({patience_s})
        print("went on")

asyncio.run(main())
"""
BROKEN = {
    "its fetches": "consumer._fetcher._get_actions_per_node = broken",
    "what a consumer knows of the cluster":
        "consumer._client._metadata_update = broken; loop.call_soon_threadsafe(consumer._client.force_metadata_update)",
    "what a producer knows of the cluster":
        "producer.client._metadata_update = broken; producer.client.force_metadata_update()",
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
async def test_a_worker_that_lost_what_runs_behind_it_ends(what: str, setup: Setup) -> None:
    script = BREAKING.format(what=BROKEN[what], patience_s=PATIENCE_S)
    ended = subprocess.run([sys.executable, "-c", script, json.dumps(setup.values())], cwd=ROOT, capture_output=True,
                           text=True, check=False)  # fmt: skip

    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr[-3000:]
    assert "it is broken" in ended.stderr


async def test_nothing_is_said_of_changelogs_that_nobody_fetches(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(setup) as app:
        thread = app.consumer._thread
        paused = [tp for tp in app.consumer.assignment() if tp.topic in app.tables.changelog_topics]
        assert paused
        for tp in paused:
            thread.verify_event_path(thread.time_started + 3_600, tp)
    assert [line for line in caplog.messages if "fetch" in line] == []
