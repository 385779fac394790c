"""Kills a worker again and again under load, and keeps what can be seen afterwards."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.batch.identity import SOURCE_KEY
from app.batch.store import RowStore
from tests.batch.counting import KEY_PREFIX, TABLE, Setup
from tests.batch.kafka import make_topics, publish, records
from tests.batch.worker import Worker

LOADS = [("ab", (1, 2)), ("cde", (10, 20, 100))]
"""By partition: keys, and the amount that each gets again and again."""
REPEATS = 900
Disk = tuple[dict[bytes, bytes], int]
"""The rows of a partition, and up to which offset of the changelog."""


@dataclass
class Evidence:
    """What is left of a worker that was killed under load, its disk now kept and now wiped."""

    setup: Setup
    due: dict[str, int] = field(default_factory=dict)
    lag_when_killed: list[int] = field(default_factory=list)
    generations: set[int] = field(default_factory=set)
    disks: list[dict[int, Disk]] = field(default_factory=list)
    changelog: list[Any] = field(default_factory=list)
    output: list[Any] = field(default_factory=list)

    async def load(self) -> None:
        for partition, (keys, amounts) in enumerate(LOADS):
            published = [(key, amount) for key, amount in zip(keys, amounts, strict=True)] * (REPEATS // len(keys))
            await publish(self.setup, partition, published, batch=10)
            for key, amount in published:
                self.due[key] = self.due.get(key, 0) + amount


def kill_again_and_again(setup: Setup) -> Evidence:
    """Kill a worker under load with its disk kept, wiped, kept, wiped; then let it end."""
    seen = Evidence(setup)
    asyncio.run(make_topics(setup))
    for is_wiped in (False, True, False, True):
        asyncio.run(seen.load())
        _kill_under_load(seen)
        if is_wiped:
            shutil.rmtree(Path(setup.directory))
    with Worker(setup) as worker:
        seen.generations.add(worker.caught_up().metrics()["group_generation"])
        assert worker.stop() == 0
    seen.changelog = asyncio.run(records(setup.broker, setup.changelog))
    seen.output = asyncio.run(records(setup.broker, setup.output))
    return seen


def _kill_under_load(seen: Evidence) -> None:
    with Worker(seen.setup) as worker:
        metrics = worker.until(lambda metrics: metrics["rows"] > 0)
        worker.kill()
    seen.lag_when_killed.append(metrics["total_lag"])
    seen.generations.add(metrics["group_generation"])
    seen.disks.append({partition: read_disk(seen.setup, partition) for partition in range(seen.setup.partitions)})


def read_disk(setup: Setup, partition: int) -> Disk:
    """Return what a stopped worker's disk holds of a partition."""
    store = RowStore(Path(setup.directory) / f"{TABLE}-{partition}.db", keeps_tombstones_s=setup.keeps_tombstones_s)
    try:
        return dict(store.scan(KEY_PREFIX, SOURCE_KEY + b"\x00")), store.offset
    finally:
        store.close()
