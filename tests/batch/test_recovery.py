"""Tables come back from their changelogs, whatever these hold, and never from one that is not theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.batch import BatchError, BatchTable
from app.batch.identity import SOURCE_KEY
from app.batch.recovery import restore_tables
from app.kafka.clients import BatchPublisher
from tests.batch.counting import TABLE, Setup, create
from tests.batch.kafka import delete_records, delete_topics, make_topics, publish, publish_transactions
from tests.batch.killing import read_disk
from tests.batch.worker import Worker

pytestmark = pytest.mark.broker
Restored = tuple[dict[bytes, bytes], int, int]
"""Rows, the offset up to which they are held, and how many records were read."""


async def test_an_empty_changelog_makes_an_empty_table(setup: Setup) -> None:
    assert await restore(setup) == ({}, -1, 0)


async def test_the_newest_version_of_a_row_comes_back_whichever_was_written_last(setup: Setup) -> None:
    await _write(setup, (b"a", row(2)), (b"b", row(10)), (b"a", row(1)), (b"c", row(3)), (b"c", None))
    assert await restore(setup) == ({b"a": row(2), b"b": row(10)}, 4, 5)


async def test_only_what_the_disk_lacks_is_read(setup: Setup) -> None:
    await _write(setup, (b"a", row(1)), (b"b", row(2)))
    await restore(setup)
    await _write(setup, (b"a", row(10)))
    assert await restore(setup) == ({b"a": row(10), b"b": row(2)}, 2, 1)
    assert await restore(setup) == ({b"a": row(10), b"b": row(2)}, 2, 0)


async def test_a_changelog_that_ends_with_nothing_but_tombstones_empties_the_table(setup: Setup) -> None:
    await _write(setup, (b"a", row(1)), (b"b", row(2)), (b"a", None), (b"b", None), (b"c", None))
    assert await restore(setup) == ({}, 4, 5)


async def test_a_changelog_that_ends_with_markers_of_transactions_comes_to_an_end(setup: Setup) -> None:
    await publish_transactions(setup, setup.changelog, [[("a", 10_000_000)], [("b", 20_000_000)]])
    assert await restore(setup) == ({b"a": b"10000000", b"b": b"20000000"}, 3, 2)


async def test_a_changelog_that_holds_nothing_any_more_leaves_an_empty_table_at_its_end(setup: Setup) -> None:
    await _write(setup, (b"a", row(1)), (b"b", row(2)))
    await delete_topics(setup, setup.changelog)
    await make_topics(setup, changelog={"cleanup.policy": "compact,delete"})
    await _write(setup, (b"a", row(1)), (b"b", row(2)))
    await delete_records(setup, setup.changelog, 2)
    assert await restore(setup) == ({}, 1, 0)


async def test_a_changelog_without_its_first_rows_is_refused_with_the_remedy_unless_the_disk_has_them(
    setup: Setup,
) -> None:
    await _write(setup, (b"a", row(1)), (b"b", row(2)), (b"a", row(10)))
    await restore(setup, is_whole=True)
    await delete_topics(setup, setup.changelog)
    await make_topics(setup, changelog={"cleanup.policy": "compact,delete"})
    await _write(setup, (b"a", row(1)), (b"b", row(2)), (b"a", row(10)), (b"c", row(20)))
    await delete_records(setup, setup.changelog, 2)
    assert await restore(setup, is_whole=True) == ({b"a": row(10), b"b": row(2), b"c": row(20)}, 3, 1)
    with pytest.raises(BatchError, match=r"begins at offset 2, but the disk holds it up to -1 only.* reset both"):
        await restore(replace(setup, directory=setup.directory + "-lost"), is_whole=True)


async def test_a_changelog_that_ends_before_the_disk_does_is_refused_with_the_remedy(setup: Setup) -> None:
    await _write(setup, (b"a", row(1)), (b"b", row(2)))
    await restore(setup)
    await delete_topics(setup, setup.changelog)
    await make_topics(setup)
    await _write(setup, (b"a", row(1)))
    with pytest.raises(BatchError, match=r"ends at 1: the topic was made again; .* reset both applications"):
        await restore(setup)


async def test_a_changelog_made_again_under_a_running_worker_ends_it_before_a_row_is_stored(setup: Setup) -> None:
    await publish(setup, 0, [("a", 1), ("a", 2)])
    with Worker(setup) as worker:
        worker.until(lambda metrics: metrics["rows"] > 0)
        held = (await restore(replace(setup, directory=setup.directory + "-seen")))[:2]
        await delete_topics(setup, setup.changelog)
        await make_topics(setup)
        await publish(setup, 0, [("a", 10)])
        assert worker.ended() == 1
        assert "was made again" in worker.log()
    assert read_disk(setup, 0) == held


async def test_a_disk_without_its_latest_rows_is_made_whole(setup: Setup) -> None:
    """As after a loss of power, or with a backup put in place of the disk."""
    await _write(setup, (b"a", row(1)), (b"b", row(2)), (b"a", row(10)))
    await restore(setup)
    backup = replace(setup, directory=setup.directory + "-backup")
    await restore(backup)
    await _write(setup, (b"a", row(20)), (b"b", None))
    await restore(setup)
    assert await restore(backup) == ({b"a": row(20)}, 4, 2)


def row(version: int) -> bytes:
    """Return a row of a version, telling it again in its body."""
    return version.to_bytes(8, "big") + b"%d" % version


async def restore(setup: Setup, *, is_whole: bool = False) -> Restored:
    """Restore partition 0 as a starting worker does."""
    app = create(setup)
    table = app.tables[TABLE]
    assert isinstance(table, BatchTable)
    table.is_whole = is_whole
    try:
        read = await restore_tables(app.batch_processor.new_plain_consumer, [table], {0})
        return dict(table.stores[0].scan(b"", SOURCE_KEY + b"\x00")), table.stores[0].offset, read
    finally:
        table.close_others(set())


async def _write(setup: Setup, *rows: tuple[bytes, bytes | None]) -> None:
    async with BatchPublisher(setup.broker) as publisher:
        await publisher.publish(setup.changelog, 0, [(key, value, (), None) for key, value in rows])
