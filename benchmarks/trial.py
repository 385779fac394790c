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

from app.dataset.format import Dataset
from app.errors import GridtwinError
from app.kafka.admin import admin, create_topics
from app.kafka.clients import consumer, topic_partitions
from app.settings import Settings
from app.topics import TopicSpec
from app.verify.compare import verify
from benchmarks.contenders import PARTS, Ours, Peer, Plan
from benchmarks.outputs import COLUMNS, INPUTS, Outcome, compare, oracle, written_bytes
from benchmarks.processes import Watch
from benchmarks.report import OURS
from benchmarks.worlds import World, environ_of, loaded_broker

POLL_S = 0.02
LOOK_S = 1.0
"""Looking is cheap, and rare beside what is measured: the times come from the broker."""
QUIET_S = 4.0
"""Rows are compared when the levels' topics have not grown for this long."""

System = Ours | Peer


def run(plan: Plan | None, world: World, *, limit_s: float) -> dict[str, Any]:
    """Run one system, ours if there is no plan, and return what was measured."""
    dataset = world.dataset()
    with _directory() as directory, loaded_broker(world, directory) as address:
        system = _create(plan, directory / "system", dataset, address)
        try:
            measured = _drain(system, dataset, address, limit_s)
            records = asyncio.run(_written_records(address))
            written = {
                "written_records": sum(records.values()),
                "written_records_by_topic": records,
                "written_bytes": written_bytes(directory / "broker" / "data"),
            }
            held = {"system": plan.name if plan else OURS, "is_durable": plan is None or plan.is_durable}
            more = _ours(system, dataset, directory, address) if isinstance(system, Ours) else {}
            return held | measured | written | more
        finally:
            system.stop()


def _drain(system: System, dataset: Dataset, address: str, limit_s: float) -> dict[str, Any]:
    """Start it and wait for the last output."""
    truth = oracle(dataset)
    system.start()
    with Watch(system.pids) as watch:
        began_s = _first_fetch(system, limit_s)
        outcome = _until_done(system, truth, address, limit_s)
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
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="gridtwin-bench-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _create(plan: Plan | None, directory: Path, dataset: Dataset, address: str) -> System:
    if plan is None:
        return Ours(directory, dataset, address)
    peer = Peer(plan, directory, dataset, address)
    config = {"message.timestamp.type": "LogAppendTime"}
    wanted = [PARTS, *peer.level_topics]
    asyncio.run(create_topics(address, [TopicSpec(name, dataset.meta.partitions, 1, config) for name in wanted]))
    return peer


def _first_fetch(system: System, limit_s: float) -> float:
    until_s = time.monotonic() + limit_s
    while (began_s := system.began_s()) is None:
        system.check()
        if time.monotonic() > until_s:
            raise GridtwinError(f"it fetched nothing in {limit_s:.0f} s")
        time.sleep(POLL_S)
    return began_s


def _until_done(system: System, truth: Any, address: str, limit_s: float) -> Outcome:
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


async def _written_records(address: str) -> dict[str, int]:
    """Return how many records each topic holds that is not an input; compaction lowers no end offset."""
    async with admin(address) as client:
        topics = sorted(topic for topic in await client.list_topics() if not topic.startswith(INPUTS))
    return {topic: await _ends(address, [topic]) for topic in topics}


def _ours(system: Ours, dataset: Dataset, directory: Path, address: str) -> dict[str, Any]:
    """Compare every column of every row, of sites too, and time recovery."""
    settings = Settings.load(environ_of(dataset, directory, address))
    report = asyncio.run(verify(dataset, settings, timeout_s=60.0))
    metrics = {worker.role: worker.metrics().get("phase_s") for worker in system.workers}
    return {
        "all_columns": {"rows": report.rows, "equal": report.equal, "exact": report.passed},
        "exact": report.passed,
        "phase_s": metrics,
        "recovery_warm_s": round(system.recover(wipe=False), 2),
        "recovery_cold_s": round(system.recover(wipe=True), 2),
    }
