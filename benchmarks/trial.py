"""One run of one system: a broker of its own, from the first fetch to the last output, then every row compared."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import topics
from app.dataset.format import Dataset
from app.errors import GridtwinError
from app.kafka.admin import admin, create_topics
from app.kafka.clients import BatchPublisher, consumer, topic_partitions
from app.settings import Settings
from app.topics import TopicSpec
from app.verify.compare import verify
from benchmarks.contenders import PARTS, Ours, Own, Peer, Plan
from benchmarks.outputs import COLUMNS, INPUTS, Outcome, compare, oracle, written_bytes
from benchmarks.processes import Watch
from benchmarks.worlds import AnyWorld, environ_of, loaded_broker

POLL_S = 0.02
LOOK_S = 1.0
"""Looking is cheap, and rare beside what is measured: the times come from the broker."""
QUIET_S = 4.0
"""Rows are compared when the levels' topics have not grown for this long."""

System = Ours | Peer


def run(plan: Own | Plan, world: AnyWorld, *, limit_s: float) -> dict[str, Any]:
    """Run one system and return what was measured."""
    dataset = world.dataset()
    held = {"system": plan.name, "is_durable": plan.is_durable}
    with scratch() as directory, loaded_broker(world, directory) as address:
        system = _create(plan, directory / "system", dataset, address)
        try:
            measured = _drain(system, dataset, address, limit_s)
            written = _written(directory / "broker" / "data", address)
            more = _all_columns(dataset, directory, address) if isinstance(system, Ours) else {}
            is_exact = more.get("exact", measured["exact"])
            return held | measured | written | more | (_recover(system, dataset, address) if is_exact else {})
        finally:
            system.stop()


def _written(data: Path, address: str) -> dict[str, Any]:
    records = asyncio.run(written_records(address))
    return {
        "written_records": sum(records.values()),
        "written_records_by_topic": records,
        "written_bytes": written_bytes(data),
    }


def _recover(system: System, dataset: Dataset, address: str) -> dict[str, float | None]:
    """Kill it twice, with its disk and without; something new to read is there when it starts again."""
    seconds = {}
    for again, how in enumerate(("warm", "cold"), 1):
        asyncio.run(_tick(address, dataset, after_ms=again * 60_000))
        took_s = system.recover(wipe=how == "cold")
        seconds[f"recovery_{how}_s"] = None if took_s is None else round(took_s, 2)
    return seconds


async def _tick(address: str, dataset: Dataset, *, after_ms: int) -> None:
    """Publish a tick to every partition, later than any that a replay has written."""
    meta = dataset.meta
    at_ms = meta.end_ms + 1000 * (meta.grace_s + 2 * meta.window_s + 2 * meta.tick_s) + after_ms
    async with BatchPublisher(address) as publisher:
        for partition in range(meta.partitions):
            await publisher.publish(topics.TELEMETRY, partition, [(b"", b"", (), at_ms)])


def _drain(system: System, dataset: Dataset, address: str, limit_s: float) -> dict[str, Any]:
    """Start it and wait for the last output."""
    truth = oracle(dataset)
    system.start()
    with Watch(system.pids) as watch:
        began_s = first_fetch(system, limit_s)
        outcome = until_done(system, truth, address, limit_s)
    return {
        "readings": dataset.meta.readings,
        "seconds": round(outcome.ended_s - began_s, 2),
        "cpu_s": round(watch.cpu_between(began_s, outcome.ended_s), 2),
        "processes": len(system.pids),
        "peak_memory_bytes": watch.peak_bytes,
        "columns": list(COLUMNS),
        "rows": outcome.rows,
        "equal": outcome.equal,
        "exact": outcome.is_exact,
    }


@contextmanager
def scratch() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="gridtwin-bench-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _create(plan: Own | Plan, directory: Path, dataset: Dataset, address: str) -> System:
    if isinstance(plan, Own):
        environ = {**environ_of(dataset, directory, address), **dict(plan.environ)}
        return Ours(directory, environ, dataset.meta.levels)
    peer = Peer(plan, directory, dataset, address)
    config = {"message.timestamp.type": "LogAppendTime"}
    wanted = [PARTS, *peer.level_topics]
    asyncio.run(create_topics(address, [TopicSpec(name, dataset.meta.partitions, 1, config) for name in wanted]))
    return peer


def first_fetch(system: System, limit_s: float) -> float:
    until_s = time.monotonic() + limit_s
    while (began_s := system.began_s()) is None:
        system.check()
        if time.monotonic() > until_s:
            raise GridtwinError(f"it fetched nothing in {limit_s:.0f} s")
        time.sleep(POLL_S)
    return began_s


def until_done(system: System, truth: Any, address: str, limit_s: float) -> Outcome:
    """Wait until every row is there, or until time is up."""
    until_s, before, since_s = time.monotonic() + limit_s, -1, time.monotonic()
    while True:
        time.sleep(LOOK_S)
        system.check()
        now = asyncio.run(_ends(address, system.level_topics))
        if now != before:
            before, since_s = now, time.monotonic()
        is_over = time.monotonic() > until_s
        if is_over or (before and time.monotonic() - since_s > QUIET_S):
            outcome = asyncio.run(compare(truth, address, system.level_topics))
            print(f"  {outcome.equal} of {outcome.rows} rows", file=sys.stderr)
            if is_over or outcome.is_exact:
                return outcome
            since_s = time.monotonic()


async def _ends(address: str, topics: list[str]) -> int:
    async with consumer(address) as client:
        tps = [tp for topic in topics for tp in await topic_partitions(client, topic)]
        return sum((await client.end_offsets(tps)).values())


async def written_records(address: str) -> dict[str, int]:
    """Return how many records each topic holds that is not an input; compaction lowers no end offset."""
    async with admin(address) as client:
        topics = sorted(topic for topic in await client.list_topics() if not topic.startswith(INPUTS))
    return {topic: await _ends(address, [topic]) for topic in topics}


def _all_columns(dataset: Dataset, directory: Path, address: str) -> dict[str, Any]:
    """Compare every column of every row, of sites too."""
    settings = Settings.load(environ_of(dataset, directory, address))
    report = asyncio.run(verify(dataset, settings, timeout_s=90.0))
    return {
        "all_columns": {"rows": report.rows, "equal": report.equal, "exact": report.passed},
        "exact": report.passed,
    }
