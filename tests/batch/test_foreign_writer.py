"""A stale worker's row in a changelog is found by the next write, and what we hold of its key is said last."""

from __future__ import annotations

import pytest

from app.batch import BatchApp, BatchError, BatchTable
from app.kafka.clients import BatchPublisher
from tests.batch.counting import TABLE, Setup
from tests.batch.kafka import records
from tests.batch.running import running

pytestmark = pytest.mark.broker
STALE, OURS, NEWER = bytes(8), b"\x02" * 8, b"\x03" * 8


async def test_a_foreign_row_before_our_own_is_answered_with_what_we_hold_of_its_key(setup: Setup) -> None:
    async with running(setup) as app:
        await _write(app, (b"a", OURS), (b"b", OURS))
        await _write_as_a_stranger(setup, (b"a", STALE), (b"b", None))
        await _write(app, (b"b", OURS + b"2"))
    assert await last_rows(setup) == {b"a": OURS, b"b": OURS + b"2"}


@pytest.mark.parametrize(("key", "value"), [(b"a", NEWER), (b"c", STALE)], ids=["newer", "unknown"])
async def test_a_foreign_row_that_our_memory_may_lack_ends_the_worker_before_it_stores_more(
    setup: Setup, key: bytes, value: bytes
) -> None:
    async with running(setup) as app:
        await _write(app, (b"a", OURS))
        await _write_as_a_stranger(setup, (key, value))
        with pytest.raises(BatchError, match="another worker wrote"):
            await _write(app, (b"a", OURS + b"2"))
        store = _table(app).stores[0]
        assert (store.get(b"a"), store.offset) == (OURS, 0)
    async with running(setup) as app:
        held = {row: _table(app).stores[0].get(row) for row in (key, b"a")}
        assert held == {b"a": OURS + b"2"} | {key: value}


async def test_a_foreign_row_after_recovery_and_before_our_first_is_answered_too(setup: Setup) -> None:
    async with running(setup) as app:
        await _write(app, (b"a", OURS))
    async with running(setup) as app:
        await _write_as_a_stranger(setup, (b"a", STALE))
        await _write(app, (b"b", OURS))
    assert await last_rows(setup) == {b"a": OURS, b"b": OURS}


async def test_without_foreign_rows_nothing_is_written_twice(setup: Setup) -> None:
    async with running(setup) as app:
        for key in (b"a", b"b", b"c"):
            await _write(app, (key, OURS))
    assert [record.key for record in await records(setup.broker, setup.changelog, 0)] == [b"a", b"b", b"c"]


async def last_rows(setup: Setup) -> dict[bytes, bytes | None]:
    """Return what compaction keeps."""
    return {record.key: record.value for record in await records(setup.broker, setup.changelog, 0)}


async def _write(app: BatchApp, *rows: tuple[bytes, bytes | None]) -> None:
    await _table(app).write(0, rows, app.batch_processor.metrics)


def _table(app: BatchApp) -> BatchTable:
    table = app.tables[TABLE]
    assert isinstance(table, BatchTable)
    return table


async def _write_as_a_stranger(setup: Setup, *rows: tuple[bytes, bytes | None]) -> None:
    async with BatchPublisher(setup.broker) as publisher:
        await publisher.publish(setup.changelog, 0, [(key, value, (), None) for key, value in rows])
