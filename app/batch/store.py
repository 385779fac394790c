"""The rows of one partition of one table on disk, never ahead of its changelog."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import rocksdict

from app.batch.errors import BatchError

RESERVED = b"\x00"
"""No row's key begins with it: what the store keeps for itself does."""
ROWS_BEGIN = b"\x01"
OFFSET_KEY = RESERVED + b"offset"
USED_KEY = RESERVED + b"used"
DAMAGED = "DAMAGED"
VERSION_BYTES = 8
WRITE_BUFFER_BYTES = 8 << 20
ALL_WRITE_BUFFERS_BYTES = 64 << 20
"""Of all stores of this process together, however many partitions it has."""
CACHED_BLOCKS_BYTES = 32 << 20
"""The same for blocks that were read."""
RESTORED_BYTES = 64 << 20
"""What is read before it is written: of most rows a log that was not compacted holds several, the last is enough."""
Row = tuple[bytes, bytes | None]

log = logging.getLogger(__name__)


class StoreSize(NamedTuple):
    """What a store holds: rows as RocksDB estimates them, bytes on disk and in its buffers."""

    rows: int
    bytes: int


class RowStore:
    """A RocksDB of its own. `offset` is that of the last changelog record that it holds; -1 for none.

    A directory that does not open, or in which a damaged block was met, is set aside and rebuilt from the
    changelog. One that was last known complete longer ago than the changelog keeps tombstones is rebuilt, too:
    deletions may have been missed.
    """

    def __init__(self, directory: Path, *, keeps_tombstones_s: float) -> None:
        self.directory = directory
        self._db = _open(directory)
        used = self.get(USED_KEY)
        if used is not None and time.time() - int(used) > keeps_tombstones_s:
            log.warning("%s was last complete over %s s ago; rebuilding it from the changelog, nothing to do",
                        directory, keeps_tombstones_s)  # fmt: skip
            self._db.close()
            shutil.rmtree(directory)
            self._db = _open(directory)
        self.offset = int(self.get(OFFSET_KEY) or -1)
        self._newest: bytes | None = b"" if self.offset == -1 else None
        """The greatest version of any row that was ever in here, where that is known."""
        self._restored: dict[bytes, bytes | None] = {}
        self._restored_bytes, self._restored_to = 0, self.offset
        if self.offset == -1:
            self.complete(self.offset)

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        with self._met_damage():
            value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows with start <= key < end in order of key; a damaged block raises, it never ends a scan early."""
        with self._met_damage():
            once = rocksdict.ReadOptions()
            once.fill_cache(False)  # type: ignore[call-arg]  # its stub lacks the argument
            rows = self._db.iter(once)
            rows.seek(max(start, ROWS_BEGIN))
            while rows.valid():
                key = rows.key()
                if key >= end:
                    return
                yield key, rows.value()
                rows.next()
            rows.status()

    def write(self, rows: Sequence[Row], offset: int) -> None:
        """Write rows, and the offset up to which the changelog is in here with them, at once."""
        self._newest = None
        self._write(rows, offset, is_complete=True)

    def restore(self, records: Sequence[Row], offset: int) -> None:
        """Take in changelog records; of two versions of a row the newest holds, whichever was written last.

        They are written once they are many, or complete.
        """
        for key, value in records:
            if value is None or self._is_newest(value[:VERSION_BYTES]) or self._replaces(key, value):
                self._restored[key] = value
                self._restored_bytes += len(key) + len(value or b"")
        self._restored_to = offset
        if self._restored_bytes > RESTORED_BYTES:
            self._write_restored()

    def _write_restored(self) -> None:
        if self._restored:
            self._write(list(self._restored.items()), self._restored_to, is_complete=False)
        self._restored, self._restored_bytes = {}, 0

    def _is_newest(self, version: bytes) -> bool:
        """Whether no row in here can have a greater one: nearly every record of a log of one writer, and no look-up."""
        if self._newest is None or version < self._newest:
            return False
        self._newest = version
        return True

    def _replaces(self, key: bytes, value: bytes) -> bool:
        held = self._restored[key] if key in self._restored else self.get(key)
        return held is None or held[:VERSION_BYTES] <= value[:VERSION_BYTES]

    def complete(self, offset: int) -> None:
        """Note that the changelog up to *offset* is in here, now."""
        self._write_restored()
        self._write([], offset, is_complete=True)

    def size(self) -> StoreSize:
        """Return how much is in here, without reading it."""
        ask = self._db.property_int_value
        on_disk, buffered = ask("rocksdb.live-sst-files-size"), ask("rocksdb.cur-size-all-mem-tables")
        return StoreSize(ask("rocksdb.estimate-num-keys") or 0, (on_disk or 0) + (buffered or 0))

    def close(self) -> None:
        """Release the directory."""
        with self._met_damage():
            self._db.close()

    def _write(self, rows: Sequence[Row], offset: int, *, is_complete: bool) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in rows:
            if key.startswith(RESERVED):
                raise BatchError(f"a row of {self.directory} has key {key!r}; keys that begin with 0 are reserved")
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(OFFSET_KEY, b"%d" % offset)
        if is_complete:
            batch.put(USED_KEY, b"%d" % time.time())
        with self._met_damage():  # a compaction that met a damaged block lets no write pass from then on
            self._db.write(batch)
        self.offset = offset

    @contextmanager
    def _met_damage(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if "Corruption" not in str(error):
                raise
            (self.directory / DAMAGED).touch()
            raise BatchError(f"{self.directory} is damaged ({error}); start again, and it is set aside and "
                             "rebuilt from the changelog") from error  # fmt: skip


def _open(directory: Path) -> rocksdict.Rdict:
    directory.parent.mkdir(parents=True, exist_ok=True)
    if (directory / DAMAGED).exists():
        _set_aside(directory)
    try:
        return rocksdict.Rdict(str(directory), _options())
    except Exception as error:
        if _is_locked(error):
            raise BatchError(
                f"{directory} is in use by another process; give each worker a data directory of its own"
            ) from error
        log.exception("%s does not open; check its disk", directory)
        _set_aside(directory)
        return rocksdict.Rdict(str(directory), _options())


def _is_locked(error: Exception) -> bool:
    return "While lock file" in str(error) or "lock hold by current process" in str(error)


def _set_aside(directory: Path) -> None:
    aside = directory.with_name(f"{directory.name}.damaged-{time.time_ns()}")
    directory.rename(aside)
    log.error(
        "%s is damaged; kept as %s and rebuilt from the changelog; check the disk, then delete that", directory, aside
    )


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_write_buffer_manager(_buffers())
    options.set_block_based_table_factory(_tables())
    options.set_keep_log_file_num(1)
    options.set_max_open_files(64)
    return options


@cache
def _buffers() -> rocksdict.WriteBufferManager:
    return rocksdict.WriteBufferManager(ALL_WRITE_BUFFERS_BYTES, allow_stall=False)


@cache
def _tables() -> rocksdict.BlockBasedOptions:
    """Every store has a cache of its own unless it is given one."""
    tables = rocksdict.BlockBasedOptions()
    tables.set_block_cache(rocksdict.Cache(CACHED_BLOCKS_BYTES))
    return tables
