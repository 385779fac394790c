"""The rows of one partition of one table on disk, never ahead of its changelog."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import rocksdict

from app.batch.errors import BatchError

OFFSET_KEY = b"\x00offset"
USED_KEY = b"\x00used"
VERSION_BYTES = 8
WRITE_BUFFER_BYTES = 8 << 20

log = logging.getLogger(__name__)


class RowStore:
    """A RocksDB of its own. `offset` is that of the last changelog record that it holds; -1 for none.

    A directory that does not open is set aside and rebuilt from the changelog. One that was not used for longer
    than the changelog keeps tombstones is rebuilt, too: deletions may have been missed.
    """

    def __init__(self, directory: Path, *, keeps_tombstones_s: float) -> None:
        self.directory = directory
        self._db = _open(directory)
        used = self._db.get(USED_KEY)
        if used is not None and time.time() - int(used) > keeps_tombstones_s:
            log.warning("%s was last used %s s ago; rebuilding it from the changelog", directory, keeps_tombstones_s)
            self._db.close()
            shutil.rmtree(directory)
            self._db = _open(directory)
        self.offset = int(self._db.get(OFFSET_KEY) or -1)

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows with start <= key < end in order of key; a damaged block raises, it never ends a scan early."""
        rows = self._db.iter(rocksdict.ReadOptions())
        rows.seek(start)
        while rows.valid():
            key = rows.key()
            if key >= end:
                return
            yield key, rows.value()
            rows.next()
        rows.status()

    def write(self, rows: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Write rows and the offset up to which the changelog is in here, at once."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in rows:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(OFFSET_KEY, b"%d" % offset)
        batch.put(USED_KEY, b"%d" % time.time())
        self._db.write(batch)
        self.offset = offset

    def restore(self, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        """Apply changelog records; of two versions of a row the newest holds, whichever was written last."""
        newest: dict[bytes, bytes | None] = {}
        for key, value in records:
            held = newest[key] if key in newest else self.get(key)
            if value is None or held is None or held[:VERSION_BYTES] <= value[:VERSION_BYTES]:
                newest[key] = value
        self.write(list(newest.items()), offset)

    def close(self) -> None:
        """Release the directory."""
        self._db.close()


def _open(directory: Path) -> rocksdict.Rdict:
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        return rocksdict.Rdict(str(directory), _options())
    except Exception as error:
        if "lock" in str(error).lower():
            raise BatchError(
                f"{directory} is in use by another process; give each worker a data directory of its own"
            ) from error
        aside = directory.with_name(f"{directory.name}.damaged-{time.time_ns()}")
        log.exception("%s does not open; kept as %s and rebuilt from the changelog", directory, aside)
        directory.rename(aside)
        return rocksdict.Rdict(str(directory), _options())


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(1)
    options.set_max_open_files(64)
    return options
