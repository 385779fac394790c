"""The dataset directory: streamed, plain or .gz, with one clear sentence for whatever is wrong with it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.errors import GridtwinError

SCHEMA = 1
META = "dataset.json"
TOPOLOGY = "topology.jsonl"
TELEMETRY = "telemetry.jsonl"
TRUTH = "truth.csv"
SOC_TRUTH = "soc_truth.csv"


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """dataset.json: what a dataset is and how much of it there must be."""

    schema: int = SCHEMA
    name: str
    window_s: int
    start_ms: int
    end_ms: int
    tick_s: int
    levels: tuple[str, ...]
    sites: int
    devices: int
    readings: int
    truth_rows: int
    soc_truth_rows: int = 0
    grace_s: int = 120
    horizon_s: int = 86_400
    partitions: int = 8
    seed: int | None = None
    licence: str = ""


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of topology.jsonl: a node or a site."""

    type: str
    id: str
    level: str = ""
    hierarchy: str = ""
    parents: tuple[Edge, ...] = ()
    devices: tuple[DeviceRecord, ...] = ()
    location: tuple[float, float] | None = None
    removed: bool = False

    @property
    def record(self) -> NodeRecord | SiteRecord | None:
        """The record for its topic; None removes it."""
        if self.removed:
            return None
        if self.type == "node":
            return NodeRecord(level=self.level, hierarchy=self.hierarchy, parents=self.parents)
        return SiteRecord(parents=self.parents, devices=self.devices, location=self.location)


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A line of telemetry.jsonl: what a site sent, verbatim, and when it arrived."""

    site: str
    arrived_at_ms: int
    value: msgspec.Raw


class TruthRow(NamedTuple):
    """A line of truth.csv."""

    window_start_ms: int
    node: str
    kind: str
    readings: int
    sum_w: int
    mean_power_w: int
    energy_import_j: int
    energy_export_j: int
    devices_expected: int
    devices_reporting: int
    covered_device_s: int
    expected_device_s: int


class SocTruthRow(NamedTuple):
    """A line of soc_truth.csv."""

    window_start_ms: int
    site: str
    device: str
    state_of_charge_wh: int


class DatasetError(GridtwinError):
    """A dataset that cannot be used."""


class Dataset:
    """Reads a dataset directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        if not directory.is_dir():
            raise DatasetError(f"{directory} is not a directory; make one with `gridtwin dataset simbench {directory}`")
        try:
            self.meta = msgspec.json.decode(self._bytes(META), type=Meta)
        except msgspec.MsgspecError as error:
            raise DatasetError(f"{directory / META} is not a dataset's description: {error}") from error
        if self.meta.schema != SCHEMA:
            raise DatasetError(f"{directory} has schema {self.meta.schema}; this version reads {SCHEMA}")

    def topology(self) -> Iterator[Member]:
        """Yield nodes and sites in the order of the file."""
        yield from read_topology(self._path(TOPOLOGY))

    def telemetry(self) -> Iterator[Arrival]:
        """Yield arrivals in order of time."""
        decode = msgspec.json.Decoder(Arrival).decode
        count = 0
        for count, line in enumerate(self._lines(TELEMETRY), 1):
            try:
                yield decode(line)
            except msgspec.MsgspecError as error:
                raise DatasetError(f"{self._path(TELEMETRY)}, line {count}: {error}") from error

    def truth(self) -> Iterator[TruthRow]:
        """Yield the rows that must be published."""
        for start, node, kind, *numbers in self._rows(TRUTH, TruthRow._fields, self.meta.truth_rows):
            yield TruthRow(int(start), node, kind, *map(int, numbers))

    def soc_truth(self) -> Iterator[SocTruthRow]:
        """Yield the states of charge that must be published; a dataset may have none."""
        if self.meta.soc_truth_rows:
            for start, site, device, soc in self._rows(SOC_TRUTH, SocTruthRow._fields, self.meta.soc_truth_rows):
                yield SocTruthRow(int(start), site, device, int(soc))

    def _rows(self, name: str, fields: tuple[str, ...], expected: int) -> Iterator[list[str]]:
        path, count = self._path(name), 0
        with _reading(path) as file:
            rows = csv.reader(text.decode() for text in file)
            if tuple(next(rows, ())) != fields:
                raise DatasetError(f"{path} does not begin with {','.join(fields)}")
            for count, row in enumerate(rows, 1):
                if len(row) != len(fields):
                    raise DatasetError(f"{path}, row {count}: {len(row)} columns; expected {len(fields)}; cut short?")
                yield row
        if count != expected:
            raise DatasetError(f"{path} has {count} rows, dataset.json says {expected}: it is truncated or not its own")

    def _lines(self, name: str) -> Iterator[bytes]:
        with _reading(self._path(name)) as file:
            yield from file

    def _bytes(self, name: str) -> bytes:
        with _reading(self._path(name)) as file:
            return file.read()

    def _path(self, name: str) -> Path:
        for path in (self.directory / name, self.directory / f"{name}.gz"):
            if path.exists():
                return path
        raise DatasetError(f"{self.directory} has no {name} (or {name}.gz); docs/dataset.md says what belongs in it")


def read_topology(path: Path) -> Iterator[Member]:
    """Yield the lines of a topology file."""
    decode = msgspec.json.Decoder(Member).decode
    with _reading(path) as file:
        for count, line in enumerate(file, 1):
            try:
                yield decode(line)
            except (msgspec.MsgspecError, UnicodeError) as error:
                raise DatasetError(f"{path}, line {count}: {error}") from error


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc]
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist") from error
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is cut short or damaged ({error}); make it again") from error


class DatasetWriter:
    """Writes a dataset directory file by file; nothing is a dataset until dataset.json is there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        (directory / META).unlink(missing_ok=True)

    def topology(self, members: Iterable[Member]) -> None:
        """Write nodes, then sites."""
        self._write(TOPOLOGY, (msgspec.json.encode(member) + b"\n" for member in members))

    def telemetry(self, lines: Iterable[bytes]) -> int:
        """Write lines already encoded; return how many."""
        return self._write(TELEMETRY, lines)

    def truth(self, rows: Iterable[TruthRow]) -> int:
        """Write truth rows; return how many."""
        return self._csv(TRUTH, TruthRow._fields, rows)

    def soc_truth(self, rows: Iterable[SocTruthRow]) -> int:
        """Write states of charge; return how many."""
        return self._csv(SOC_TRUTH, SocTruthRow._fields, rows)

    def finish(self, meta: Meta) -> None:
        """Write dataset.json."""
        (self.directory / META).write_bytes(msgspec.json.format(msgspec.json.encode(meta)) + b"\n")

    def _write(self, name: str, lines: Iterable[bytes]) -> int:
        count = 0
        with _compressed(self.directory / f"{name}.gz") as file:
            for line in lines:
                file.write(line)
                count += 1
        return count

    def _csv(self, name: str, fields: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> int:
        count = 0
        with _compressed(self.directory / f"{name}.gz") as file:
            lines = csv.writer(_Text(file), lineterminator="\n")
            lines.writerow(fields)
            for row in rows:
                lines.writerow(row)
                count += 1
        return count


class _Text:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


@contextmanager
def _compressed(path: Path) -> Iterator[IO[bytes]]:
    """Without a time in the header, so that the same data make the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) as file:
        yield file  # type: ignore[misc]
