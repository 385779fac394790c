"""The view on disk: rows and the topics' offsets in one write, so neither is ever ahead of the other."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import rocksdict

from app.errors import GridtwinError
from app.query.rows import Draft

VERSION = 1
"""Of the rows: a view of another version is built again."""
META = b"\x00meta"
WRITE_BUFFER_BYTES = 16 << 20
ASIDE = ".damaged"
FIRST_CHUNK, MOST_CHUNK = 32, 1024

log = logging.getLogger(__name__)

Offsets = dict[str, dict[int, int]]
"""By topic and partition, the next record to read."""


class DamagedError(GridtwinError):
    """What is on disk is not what was written."""


class Meta(msgspec.Struct):
    version: int
    identity: str
    offsets: Offsets


class ViewStore:
    """A RocksDB of the query role; what does not open, or is of another version, is begun anew."""

    def __init__(self, directory: Path, identity: str | None = None) -> None:
        """Open a view; one without *identity* is that of whatever it says, until it is claimed."""
        self.directory = directory
        self.identity = identity or ""
        self.offsets: Offsets = {}
        directory.parent.mkdir(parents=True, exist_ok=True)
        self._db = self._open()
        meta = self._read_meta()
        if meta is None or (meta.version, meta.identity) != (VERSION, identity or meta.identity):
            if meta is not None:
                self._say_that_it_differs(meta.version, meta.identity)
            self.clear()
        else:
            self.identity, self.offsets = meta.identity, meta.offsets

    def claim(self, identity: str) -> bool:
        """Return whether the view is of this identity; one that is not yet of any is from now on."""
        if self.offsets and self.identity != identity:
            before, self.identity = self.identity, identity
            self._say_that_it_differs(VERSION, before)
            return False
        self.identity = identity
        return True

    def _say_that_it_differs(self, version: int, identity: str) -> None:
        log.warning("%s is a view of version %s of %s, not of version %s of %s: building it again, nothing to do",
                    self.directory, version, identity, VERSION, self.identity)  # fmt: skip

    def clear(self) -> None:
        """Forget everything."""
        self._db.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        self._begin()

    def set_aside(self) -> None:
        """Forget everything, and leave the files beside for who wants to know what befell them."""
        aside = self.directory.with_name(self.directory.name + ASIDE)
        self._db.close()
        shutil.rmtree(aside, ignore_errors=True)
        self.directory.rename(aside)
        log.error("%s is damaged: building the view again; the files are in %s, delete them when you like",
                  self.directory, aside)  # fmt: skip
        self._begin()

    def _begin(self) -> None:
        self._db = rocksdict.Rdict(str(self.directory), _options())
        self.offsets = {}
        self._db[META] = self._meta()

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        with _noticing_damage():
            row: bytes | None = self._db.get(key)
            return row

    def scan(self, start: bytes, end: bytes, *, back: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield rows with start <= key < end in order of key, or against it."""
        size = FIRST_CHUNK
        while chunk := self._chunk(start, end, size, back=back):
            yield from chunk
            if len(chunk) < size:
                return
            last = chunk[-1][0]
            start, end = (start, last) if back else (last + b"\x00", end)
            size = min(2 * size, MOST_CHUNK)

    def _chunk(self, start: bytes, end: bytes, size: int, *, back: bool) -> list[tuple[bytes, bytes]]:
        """Return some rows. An iterator does not outlive this: it would hold the lock of a directory begun anew."""
        found: list[tuple[bytes, bytes]] = []
        rows = self._db.iter(rocksdict.ReadOptions())
        try:
            _seek(rows, start, end, back=back)
            while len(found) < size and rows.valid() and start <= (key := rows.key()) < end:
                found.append((key, rows.value()))
                rows.prev() if back else rows.next()
            with _noticing_damage():
                rows.status()
            return found
        finally:
            del rows

    def write(self, draft: Draft, offsets: Mapping[str, Mapping[int, int]]) -> None:
        """Write what a draft holds, and how far the topics were read with it, at once."""
        dropped, written = draft.take()
        for topic, by_partition in offsets.items():
            self.offsets.setdefault(topic, {}).update(by_partition)
        batch = rocksdict.WriteBatch(raw_mode=True)
        for start, end in dropped:
            batch.delete_range(start, end)
        for key, row in written:
            if row is None:
                batch.delete(key)
            else:
                batch.put(key, row)
        batch.put(META, self._meta())
        with _noticing_damage():
            self._db.write(batch)

    def close(self) -> None:
        """Release the directory."""
        self._db.close()

    def _meta(self) -> bytes:
        return msgspec.msgpack.encode(Meta(VERSION, self.identity, self.offsets))

    def _read_meta(self) -> Meta | None:
        try:
            row = self._db.get(META)
            return msgspec.msgpack.decode(row, type=Meta) if row is not None else None
        except Exception as error:
            log.error("%s cannot be read (%s): building it again; check the disk", self.directory, error)
            return None

    def _open(self) -> rocksdict.Rdict:
        try:
            return rocksdict.Rdict(str(self.directory), _options())
        except Exception as error:
            if "lock file" in str(error) or "lock hold" in str(error):
                raise GridtwinError(f"{self.directory} is in use by another process; give each worker a data "
                                    "directory of its own") from error  # fmt: skip
            log.error("%s does not open (%s): building it again; check the disk", self.directory, error)
            shutil.rmtree(self.directory, ignore_errors=True)
            return rocksdict.Rdict(str(self.directory), _options())


def _seek(rows: Any, start: bytes, end: bytes, *, back: bool) -> None:
    if not back:
        rows.seek(start)
        return
    rows.seek_for_prev(end)
    if rows.valid() and rows.key() == end:
        rows.prev()


@contextmanager
def _noticing_damage() -> Iterator[None]:
    """Tell damage from other faults: RocksDB has one kind of exception for all."""
    try:
        yield
    except Exception as error:
        if not str(error).startswith("Corruption"):
            raise
        raise DamagedError(str(error)) from error


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(1)
    options.set_max_open_files(256)
    return options
