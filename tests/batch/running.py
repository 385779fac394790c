"""An application of the counting machine inside the test's own process, where its parts can be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.batch import BatchApp
from tests.batch.counting import Setup, create

PATIENCE_S = 90.0


@asynccontextmanager
async def running(setup: Setup) -> AsyncIterator[BatchApp]:
    """Give an application that has recovered; it is stopped at the end."""
    app = create(setup)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        await asyncio.sleep(0.01)


def is_settled(app: BatchApp, records: int) -> Callable[[], bool]:
    """Return whether so many records are folded and remembered."""
    processor = app.batch_processor
    return lambda: (
        processor.metrics.records >= records and not any(processor._pending.values()) and not processor._lock.locked()
    )
