"""I5: the first failure ends the process; nothing after it is folded, said, remembered or committed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import committed, publish, remembered, said
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker


async def test_an_exception_while_folding_ends_the_process_before_what_comes_after(setup: Setup) -> None:
    setup = replace(setup, member_id="one")
    await publish(setup, 0, [("a", 1)])
    with Worker(replace(setup, fails_on="bad")) as worker:
        worker.until(lambda metrics: metrics["rows"] > 0)
        await publish(setup, 0, [("a", 2), ("bad", 10), ("a", 20)])
        await publish(setup, 0, [("a", 100)])
        assert worker.ended() == 1
        assert "cannot fold b'bad'" in worker.log()
    assert await said(setup) == await remembered(setup) == {"a": 1}
    assert set((await committed(setup)).values()) <= {1}
    with Worker(setup) as worker:
        worker.until(lambda metrics: metrics["records"] >= 4)
        assert worker.stop() == 0
    assert await said(setup) == await remembered(setup) == {"a": 123, "bad": 10}
