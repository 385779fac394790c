"""A stream of readings that goes on until it is told to end, whatever becomes of the broker meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

from app.errors import GridtwinError
from app.kafka.clients import BatchPublisher
from app.replay.disturb import Shares
from app.replay.pace import Pace
from app.replay.publish import Replay
from tests.faults.journal import Journal

SHARES = Shares(duplicate=0.01, shuffle=0.05, late=0.005)
RETRY_S = 0.5


class Load(threading.Thread):
    """Publishes a dataset at a speed. What was sent is told by the log alone: a turn that failed is sent again."""

    def __init__(self, dataset: Any, settings: Any, journal: Journal, *, seed: int, speed: float,
                 shares: Shares = SHARES) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.replay = Replay(dataset, settings, shares=shares, seed=seed)
        self.journal = journal
        self.speed = speed
        self.at_ms = dataset.meta.start_ms
        self.is_exhausted = False
        self.fault: BaseException | None = None
        self._ended = threading.Event()
        self._flat_out = threading.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._publish_all())
        except BaseException as fault:
            self.fault = fault
            raise

    def end(self) -> None:
        """Stop after the present turn, then let time pass until every window is closed."""
        self._ended.set()
        self.join()
        if self.fault is not None:
            raise self.fault

    @property
    def records(self) -> int:
        return self.replay.published + self.replay.ticks

    async def _publish_all(self) -> None:
        pace = Pace(self.speed)
        await self._until_done(self.replay.publish_topology)
        for tick_ms, records in self.replay._turns(self.at_ms - 1, None):
            await pace.wait(tick_ms)
            await self._until_done(lambda publisher, t=tick_ms, r=records: self._turn(publisher, t, r))
            self.at_ms = tick_ms
            if self._ended.is_set():
                break
        else:
            self.is_exhausted = True
        meta = self.replay.dataset.meta
        await self._until_done(lambda publisher: self.replay._tick(publisher, self.at_ms + meta.window_s * 1000))
        last_ms = self.at_ms + 1000 * (2 * meta.window_s + meta.grace_s + 1)
        await self._until_done(lambda publisher: self.replay._tick(publisher, last_ms))
        self.at_ms = last_ms
        await self._close()

    _publisher: BatchPublisher | None = None

    async def _until_done(self, act: Callable[[BatchPublisher], Any]) -> None:
        while True:
            try:
                if self._publisher is None:
                    self._publisher = await BatchPublisher(self.replay.settings.broker).__aenter__()
                await act(self._publisher)
                return
            except (GridtwinError, KafkaError, OSError) as error:
                self.journal.note("load waits", why=str(error)[:200])
                await self._close()
                await asyncio.sleep(RETRY_S)

    async def _close(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            try:
                await asyncio.wait_for(publisher._producer.stop(), 10)
            except (TimeoutError, KafkaError, OSError):
                return

    async def _turn(self, publisher: BatchPublisher, tick_ms: int, records: list[Any]) -> None:
        await self.replay._publish(publisher, records)
        await self.replay._tick(publisher, tick_ms)
