"""The dataset directory: streamed, plain or .gz, with one clear sentence for whatever is wrong with it."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from app.dataset.truth import SocTruthRow, TruthRow
from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.errors import GridtwinError

SCHEMA = 1
META = "dataset.json"
TOPOLOGY = "topology.jsonl"
TELEMETRY = "telemetry.jsonl"
TRUTH = "truth.csv"
SOC_TRUTH = "soc_truth.csv"

Row = TypeVar("Row", TruthRow, SocTruthRow)


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
    """Distinct readings that must be applied."""
    records: int | None = None
    """Lines of telemetry.jsonl; as many as readings unless it says otherwise."""
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
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise DatasetError(f"{directory / META} is not a dataset's description: {error}") from error
        if self.meta.schema != SCHEMA:
            raise DatasetError(f"{directory} has schema {self.meta.schema}; this version reads {SCHEMA}")

    def check(self) -> None:
        """Read topology and telemetry to their ends and raise if anything is missing, before any of it is used."""
        sites = [member for member in self.topology() if member.type == "site" and not member.removed]
        self._expect(TOPOLOGY, "sites", len(sites), self.meta.sites)
        self._expect(TOPOLOGY, "devices", sum(len(site.devices) for site in sites), self.meta.devices)
        for _ in Dataset.telemetry(self):
            pass

    def topology(self) -> Iterator[Member]:
        """Yield nodes and sites in the order of the file."""
        for member in read_topology(self.path(TOPOLOGY)):
            if isinstance(member, str):
                raise DatasetError(member)
            yield member

    def telemetry(self) -> Iterator[Arrival]:
        """Yield arrivals in order of time."""
        decode = msgspec.json.Decoder(Arrival).decode
        path, count = self.path(TELEMETRY), 0
        with _reading(path) as file:
            for count, line in enumerate(file, 1):
                try:
                    yield decode(line)
                except (msgspec.MsgspecError, UnicodeError) as error:
                    raise DatasetError(f"{path}, line {count}: {error}; is it cut short?") from error
        expected = self.meta.readings if self.meta.records is None else self.meta.records
        self._expect(TELEMETRY, "lines", count, expected)

    def truth(self) -> Iterator[TruthRow]:
        """Yield the rows that must be published."""
        yield from self._rows(TRUTH, TruthRow._fields, _truth_row, self.meta.truth_rows)

    def soc_truth(self) -> Iterator[SocTruthRow]:
        """Yield the states of charge that must be published; a dataset may have none."""
        if self.meta.soc_truth_rows:
            yield from self._rows(SOC_TRUTH, SocTruthRow._fields, _soc_truth_row, self.meta.soc_truth_rows)

    def _rows(self, name: str, fields: tuple[str, ...], make: Callable[[list[str]], Row], rows: int) -> Iterator[Row]:
        path, count = self.path(name), 0
        with _reading(path) as file:
            lines = csv.reader(_whole_lines(path, file))
            if tuple(next(lines, ())) != fields:
                raise DatasetError(f"{path} does not begin with {','.join(fields)}")
            for count, line in enumerate(lines, 1):
                try:
                    row = make(line)
                except (ValueError, TypeError) as error:
                    raise DatasetError(f"{path}, row {count}: {','.join(line)} is not {','.join(fields)}") from error
                yield row
        self._expect(name, "rows", count, rows)

    def _expect(self, name: str, what: str, seen: int, expected: int) -> None:
        if seen != expected:
            raise DatasetError(
                f"{self.path(name)} has {seen} {what}, dataset.json says {expected}: it is cut short or not its own; "
                "make the dataset again"
            )

    def _bytes(self, name: str) -> bytes:
        with _reading(self.path(name)) as file:
            return file.read()

    def path(self, name: str) -> Path:
        """Return where a file is, plain or .gz."""
        for path in (self.directory / name, self.directory / f"{name}.gz"):
            if path.exists():
                return path
        raise DatasetError(f"{self.directory} has no {name} (or {name}.gz); docs/dataset.md says what belongs in it")


def read_topology(path: Path) -> Iterator[Member | str]:
    """Yield the lines of a topology file; of one that cannot be read, what is wrong with it."""
    decode = msgspec.json.Decoder(Member).decode
    with _reading(path) as file:
        for count, line in enumerate(file, 1):
            try:
                yield decode(line)
            except (msgspec.MsgspecError, UnicodeError) as error:
                yield f"{path}, line {count}: {error}"


def _whole_lines(path: Path, file: IO[bytes]) -> Iterator[str]:
    """A number that lost its last digits is still a number: the end of the line tells."""
    for line in file:
        if not line.endswith(b"\n"):
            raise DatasetError(f"{path} is cut short: its last line has no end; make the dataset again")
        yield line.decode()


def _truth_row(line: list[str]) -> TruthRow:
    start, node, kind, *numbers = line
    return TruthRow(int(start), node, kind, *map(int, numbers))


def _soc_truth_row(line: list[str]) -> SocTruthRow:
    start, site, device, soc = line
    return SocTruthRow(int(start), site, device, int(soc))


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc]
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is cut short or damaged ({error}); make it again") from error
