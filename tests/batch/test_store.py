"""The disk: what it holds, and what happens to one that is old, damaged or somebody else's."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import rocksdict

from app.batch import BatchError
from app.batch.store import USED_KEY, RowStore

HOUR_S = 3600.0
OLD, NEW = b"\x01" * 8, b"\x02" * 8
LONG_AGO = b"1"


def test_rows_and_their_offset_come_back_together(tmp_path: Path) -> None:
    with_rows(tmp_path, lambda store: store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"10")], 20))
    with_rows(tmp_path, lambda store: store.write([(b"b", None)], 100))
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    assert (list(store.scan(b"", b"\xff")), store.offset) == ([(b"a", b"1"), (b"c", b"10")], 100)


def test_a_scan_ends_before_its_end_and_never_shows_what_the_store_keeps_for_itself(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"10")], 20)
    assert [key for key, _ in store.scan(b"a", b"c")] == [b"a", b"b"]
    assert [key for key, _ in store.scan(b"", b"\xff")] == [b"a", b"b", b"c"]


def test_a_key_that_the_store_keeps_for_itself_is_refused(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    with pytest.raises(BatchError, match="reserved"):
        store.write([(b"\x00offset", b"7")], 1)
    assert store.offset == -1


@pytest.mark.parametrize("order", [(NEW, OLD), (OLD, NEW)])
def test_the_newest_version_of_a_row_holds_whichever_was_written_last(tmp_path: Path, order: tuple[bytes]) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    for offset, version in enumerate(order):
        store.restore([(b"a", version + b"a"), (b"b", version + b"b")], offset)
    store.restore([(b"c", version + b"c") for version in order], 2)
    store.complete(2)
    assert dict(store.scan(b"", b"\xff")) == {b"a": NEW + b"a", b"b": NEW + b"b", b"c": NEW + b"c"}


@pytest.mark.parametrize("is_opened_again", [False, True])
def test_a_row_that_was_written_here_is_not_replaced_by_an_older_one(tmp_path: Path, *, is_opened_again: bool) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    store.write([(b"a", NEW + b"here")], 1)
    if is_opened_again:
        store.close()
        store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    store.restore([(b"a", OLD + b"log")], 2)
    store.complete(2)
    assert dict(store.scan(b"", b"\xff")) == {b"a": NEW + b"here"}


def test_what_an_empty_store_reads_in_order_of_version_is_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    looked_up: list[bytes] = []
    get = store.get
    monkeypatch.setattr(store, "get", lambda key: (looked_up.append(key), get(key))[1])
    store.restore([(b"a", OLD), (b"b", OLD), (b"a", NEW)], 3)
    store.restore([(b"b", NEW), (b"c", OLD)], 5)
    store.complete(5)
    assert (looked_up, dict(store.scan(b"", b"\xff"))) == ([b"c"], {b"a": NEW, b"b": NEW, b"c": OLD})


def test_of_equal_versions_the_last_holds_and_a_tombstone_holds_over_all(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    store.restore([(b"a", NEW + b"1"), (b"a", NEW + b"2"), (b"b", NEW), (b"b", None)], 3)
    store.complete(3)
    assert dict(store.scan(b"", b"\xff")) == {b"a": NEW + b"2"}


@pytest.mark.parametrize("most_bytes", [1, 30, 1 << 20])
def test_what_is_read_is_written_when_it_is_much_or_complete_each_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr("app.batch.store.RESTORED_BYTES", most_bytes)
    store, written = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S), list[tuple[int, int]]()
    write = store._write
    monkeypatch.setattr(store, "_write", lambda rows, offset, **how: (written.append((len(rows), offset)),
                                                                      write(rows, offset, **how)))  # fmt: skip
    for offset in range(6):
        store.restore([(b"a", NEW + b"%d" % offset)], offset)
    store.complete(7)

    assert (
        written[:-1] == {1: [(1, offset) for offset in range(6)], 30: [(1, 3), (1, 5)], 1 << 20: [(1, 5)]}[most_bytes]
    )
    assert written[-1] == (0, 7)
    assert (store.get(b"a"), store.offset) == (NEW + b"5", 7)


def test_a_disk_last_complete_longer_ago_than_tombstones_are_kept_is_rebuilt(tmp_path: Path) -> None:
    with_rows(tmp_path, lambda store: store.write([(b"a", NEW)], 10))
    with_rows(tmp_path, lambda store: store._db.put(USED_KEY, LONG_AGO))
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1


def test_a_restoring_that_was_interrupted_makes_an_old_disk_no_younger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.batch.store.RESTORED_BYTES", 1)

    def be_interrupted(store: RowStore) -> None:
        store.write([(b"a", NEW)], 10)
        store._db.put(USED_KEY, LONG_AGO)
        store.restore([(b"b", NEW)], 20)

    with_rows(tmp_path, be_interrupted)
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1


def test_a_restoring_that_ended_makes_an_old_disk_young(tmp_path: Path) -> None:
    def end(store: RowStore) -> None:
        store.restore([(b"b", NEW)], 20)
        store._db.put(USED_KEY, LONG_AGO)
        store.complete(20)

    with_rows(tmp_path, end)
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == 20


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-*"])
def test_a_directory_that_does_not_open_is_set_aside_and_begun_anew(tmp_path: Path, name: str) -> None:
    with_rows(tmp_path, lambda store: store.write([(b"a", NEW)], 10))
    for file in (tmp_path / "db").glob(name):
        file.write_bytes(b"not what it was" * 10)
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1
    assert len(list(tmp_path.glob("db.damaged-*"))) == 1


def test_a_damaged_block_raises_in_a_scan_and_the_directory_is_set_aside_at_the_next_start(tmp_path: Path) -> None:
    with_rows(tmp_path, _fill)
    _damage_the_middle(tmp_path)
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    with pytest.raises(BatchError, match="start again"):
        list(store.scan(b"", b"\xff"))
    store.close()
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1


def test_a_damaged_block_raises_when_a_row_in_it_is_read(tmp_path: Path) -> None:
    with_rows(tmp_path, _fill)
    _damage_the_middle(tmp_path)
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    with pytest.raises(BatchError, match="start again"):
        _ = [store.get(b"%06d" % number) for number in range(ROWS)]


def test_a_write_after_a_compaction_met_a_damaged_block_has_the_directory_set_aside(tmp_path: Path) -> None:
    with_rows(tmp_path, _fill)
    with_rows(tmp_path, _fill)
    _damage_the_middle(tmp_path)
    store = RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    store._db.compact_range(None, None)
    for done in (lambda: store.write([(b"a", b"1")], 1), store.close):
        with pytest.raises(BatchError, match="start again"):
            done()
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1


def test_a_damaged_block_with_what_the_store_keeps_for_itself_has_the_directory_set_aside(tmp_path: Path) -> None:
    with_rows(tmp_path, _fill)
    _damage(tmp_path, where=0.0)
    with pytest.raises(BatchError, match="start again"):
        RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).offset == -1


def test_a_directory_that_another_process_has_open_is_refused_and_left_alone(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"open\n"
    with pytest.raises(BatchError, match="in use by another process; give each worker"):
        RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S)
    holder.communicate(b"\n")
    assert RowStore(tmp_path / "db", keeps_tombstones_s=HOUR_S).get(b"a") == b"1"


def test_all_stores_together_keep_what_they_write_within_one_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffers = rocksdict.WriteBufferManager(MANY_BYTES, allow_stall=False)
    monkeypatch.setattr("app.batch.store._buffers", lambda: buffers)
    stores = [RowStore(tmp_path / f"{number}.db", keeps_tombstones_s=HOUR_S) for number in range(10)]
    for offset in range(20):
        for one in stores:
            one.write([(b"%d" % number, bytes(1_000)) for number in range(200)], offset)
    until_s = time.monotonic() + 60.0
    while buffers.get_usage() > MOST_BYTES and time.monotonic() < until_s:
        time.sleep(0.01)
    assert 0 < buffers.get_usage() <= MOST_BYTES
    assert [row for one in stores for _, row in one.scan(b"", b"\xff")] == [bytes(1_000)] * 2_000


MANY_BYTES = 20 << 20
MOST_BYTES = 30 << 20
"""A flush is begun at the bound and ends later; without one the stores would hold 40 MB."""
ROWS = 20_000
HOLD = """
import sys
from pathlib import Path
from app.batch.store import RowStore
store = RowStore(Path(sys.argv[1]), keeps_tombstones_s=3600.0)
store.write([(b"a", b"1")], 1)
print("open", flush=True)
sys.stdin.readline()
"""


def with_rows(directory: Path, work: Callable[[RowStore], None]) -> None:
    """Open a store, do some work, close it."""
    store = RowStore(directory / "db", keeps_tombstones_s=HOUR_S)
    work(store)
    store.close()


def _fill(store: RowStore) -> None:
    store.write([(b"%06d" % number, b"%0100d" % number) for number in range(ROWS)], ROWS)
    store._db.flush()


def _damage_the_middle(directory: Path) -> None:
    _damage(directory, where=0.5)


def _damage(directory: Path, *, where: float) -> None:
    """Damage a table file behind a share of its bytes."""
    file = max((directory / "db").glob("*.sst"), key=lambda one: one.stat().st_size)
    content = bytearray(file.read_bytes())
    first = int(where * len(content))
    content[first : first + 64] = b"\xff" * 64
    file.write_bytes(content)
