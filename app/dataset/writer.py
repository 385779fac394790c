"""Writes a dataset beside its place and moves it there whole: an interrupted run leaves nothing half done."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from app.dataset.format import META, SOC_TRUTH, TELEMETRY, TOPOLOGY, TRUTH, DatasetError, Member, Meta
from app.dataset.truth import SocTruthRow, TruthRow


class Lines:
    """An open file and how many lines went into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rows = csv.writer(self, lineterminator="\n")
        self.count = 0

    def add(self, lines: Iterable[bytes]) -> None:
        """Write lines already encoded."""
        for line in lines:
            self._file.write(line)
            self.count += 1

    def add_rows(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows of a table."""
        for row in rows:
            self._rows.writerow(row)
            self.count += 1

    def write(self, text: str) -> int:
        """Take a row from the csv module."""
        return self._file.write(text.encode())


class DatasetWriter:
    """Writes one dataset; to be used in a `with`, which removes what a failure leaves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        if directory.exists() and not _is_replaceable(directory):
            raise DatasetError(f"{directory} is there already and is not a dataset; name another or remove it")
        self._partial = self._beside("partial")

    def __enter__(self) -> Self:
        self._partial.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        shutil.rmtree(self._partial, ignore_errors=True)

    def topology(self, members: Iterable[Member]) -> None:
        """Write nodes, then sites."""
        with self.lines(TOPOLOGY) as file:
            file.add(msgspec.json.encode(member) + b"\n" for member in members)

    @contextmanager
    def lines(self, name: str) -> Iterator[Lines]:
        """Open a file of lines."""
        with _compressed(self._partial / f"{name}.gz") as file:
            yield Lines(file)

    @contextmanager
    def rows(self, name: str, fields: tuple[str, ...]) -> Iterator[Lines]:
        """Open a table with its heading, which does not count."""
        with self.lines(name) as file:
            file.add_rows([fields])
            file.count = 0
            yield file

    def telemetry(self, lines: Iterable[bytes]) -> int:
        """Write lines already encoded; return how many."""
        with self.lines(TELEMETRY) as file:
            file.add(lines)
        return file.count

    def truth(self, rows: Iterable[TruthRow]) -> int:
        """Write truth rows; return how many."""
        with self.rows(TRUTH, TruthRow._fields) as file:
            file.add_rows(rows)
        return file.count

    def soc_truth(self, rows: Iterable[SocTruthRow]) -> int:
        """Write states of charge; return how many."""
        with self.rows(SOC_TRUTH, SocTruthRow._fields) as file:
            file.add_rows(rows)
        return file.count

    def finish(self, meta: Meta) -> None:
        """Write dataset.json and move the whole into its place; a dataset that was there is replaced."""
        (self._partial / META).write_bytes(msgspec.json.format(msgspec.json.encode(meta)) + b"\n")
        before = self._beside("before")
        if self.directory.exists():
            self.directory.rename(before)
        self._partial.rename(self.directory)
        shutil.rmtree(before, ignore_errors=True)

    def _beside(self, word: str) -> Path:
        return self.directory.with_name(f".{self.directory.name}.{os.getpid()}.{word}")


def _is_replaceable(directory: Path) -> bool:
    return directory.is_dir() and (any(directory.glob(f"{META}*")) or not any(directory.iterdir()))


@contextmanager
def _compressed(path: Path) -> Iterator[IO[bytes]]:
    """Without a time in the header, so that the same data make the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as file:
        yield file  # type: ignore[misc]
