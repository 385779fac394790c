"""SIGTERM: flush, commit, leave, exit 0. A worker that cannot within 9 s exits 1 by itself."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from tests.batch.counting import PARTITION_ROW, Setup
from tests.batch.kafka import committed, publish, remembered, said
from tests.batch.killing import read_disk
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker
NEVER_S = 3600.0


async def test_a_worker_stopped_under_load_leaves_nothing_folded_behind(setup: Setup) -> None:
    """Nothing came due before: all of it was flushed because of the stop, and the next worker folds only the rest."""
    lazy = replace(setup, publish_s=NEVER_S, checkpoint_s=NEVER_S, fetch_bytes=1, pause_s=0.05)
    await publish(setup, 0, [("a", 1)] * 1000, batch=5)
    with Worker(lazy) as worker:
        worker.until(lambda metrics: metrics["records"] > 0)
        assert worker.stop() == 0
    rows, _ = read_disk(setup, 0)
    folded = int.from_bytes(rows[PARTITION_ROW][:8], "big")
    assert 0 < folded < 1000
    assert await said(setup) == await remembered(setup) == {"a": folded}
    assert await committed(setup) == {0: folded}
    with Worker(setup) as worker:
        assert worker.caught_up().metrics()["records"] == 1000 - folded
        assert worker.stop() == 0
    assert await said(setup) == {"a": 1000}


async def test_a_worker_stopped_while_it_waits_to_join_the_group_exits(setup: Setup) -> None:
    """The group waits for a member that stands still, so that the second one's joining takes its session."""
    setup = replace(setup, session_timeout_s=6.0)
    with Worker(setup) as first, Worker(replace(setup, directory=setup.directory + "-second")) as second:
        first.ready().process.send_signal(signal.SIGSTOP)
        second.until_logged("(Re-)joining group")
        assert second.stop() == 0
