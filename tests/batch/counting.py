"""A machine as small as can be: it adds up amounts by key. The driver's tests run it; it knows no more than that."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.batch import BatchApp, BatchOptions, BatchTable, Outgoing, Processor, Reader, Rows, create_app
from app.batch.transport import BatchSchema

TABLE = "totals"
PARTITION_ROW = b"p"
KEY_PREFIX, KEYS_END = b"k", b"l"


@dataclass
class Setup:
    """What a test chooses; plain values, so that a process can be told them."""

    name: str
    broker: str
    directory: str
    partitions: int = 2
    member_id: str | None = None
    session_timeout_s: float = 12.0
    request_timeout_s: float = 15.0
    publish_s: float = 0.1
    checkpoint_s: float = 0.2
    fetch_bytes: int = 1 << 20
    queue_batches: int = 16
    compression: str | None = "lz4"
    max_pending_records: int = 100_000
    pause_s: float = 0.0
    """How long folding a batch holds up the event loop."""
    padding: int = 0
    """Bytes that each message and row is longer by."""
    fails_on: str = ""
    """A key at which folding raises."""
    keeps_tombstones_s: float = 3600.0
    is_profiled: bool = False

    @property
    def source(self) -> str:
        return f"{self.name}-amounts"

    @property
    def output(self) -> str:
        return f"{self.name}-said"

    @property
    def changelog(self) -> str:
        return f"{self.name}-{TABLE}-changelog"

    def values(self) -> dict[str, Any]:
        return asdict(self)


class Totals:
    """Totals by key, each with the offset of the last amount in it. An empty amount forgets its key."""

    def __init__(self, partition: int, setup: Setup, reader: Reader) -> None:
        self.partition = partition
        self.setup = setup
        self.offset = _version(reader.get(TABLE, PARTITION_ROW))
        self.totals = {key[1:]: (_version(row), int(row[8:])) for key, row in reader.scan(TABLE, KEY_PREFIX, KEYS_END)}
        self._unsaid = set(self.totals)
        self._unwritten: set[bytes] = set()

    def apply(self, records: Sequence[Any], *, settled: bool) -> bool:
        time.sleep(self.setup.pause_s)
        for record in records:
            if record.offset > self.offset:
                self._fold(record)
                self.offset = record.offset
        return True

    def _fold(self, record: Any) -> None:
        if record.key == self.setup.fails_on.encode() != b"":
            raise ValueError(f"cannot fold {record.key!r}")
        version, total = self.totals.get(record.key, (-1, 0))
        if record.offset <= version:
            return  # a kill came between this key's row and the partition row
        if record.value:
            self.totals[record.key] = record.offset, total + int(record.value)
        else:
            self.totals.pop(record.key, None)
        self._unsaid.add(record.key)
        self._unwritten.add(record.key)

    def caught_up_at(self, end_offset: int) -> None:
        self.end_offset = end_offset

    def say(self, *, behind: bool, checkpoint: bool, now_s: float) -> list[Outgoing]:
        keys, self._unsaid = sorted(self._unsaid), set()
        padding = b" " * self.setup.padding
        said = [(key, b"%d %d" % self.totals[key] + padding, ()) for key in keys if key in self.totals]
        return [Outgoing(self.setup.output, self.partition, list(said))]

    def announce(self) -> list[Rows]:
        return []

    def remember(self) -> list[Rows]:
        keys, self._unwritten = sorted(self._unwritten), set()
        rows: list[tuple[bytes, bytes | None]] = [(KEY_PREFIX + key, self._row(key)) for key in keys]
        return [Rows(TABLE, rows), Rows(TABLE, [(PARTITION_ROW, _row(self.offset, b""))])]

    def _row(self, key: bytes) -> bytes | None:
        if key not in self.totals:
            return None
        version, total = self.totals[key]
        return _row(version, b"%d" % total + b" " * self.setup.padding)

    def remembered(self) -> None:
        """Everything is held in memory as it is."""


def create(setup: Setup, report: Any = lambda _: None) -> BatchApp:
    """Return the application of a setup with its agent and table."""
    app = create_app(
        setup.name,
        BatchOptions(
            broker=setup.broker,
            directory=Path(setup.directory),
            partitions=setup.partitions,
            member_id=setup.member_id,
            session_timeout_s=setup.session_timeout_s,
            heartbeat_s=1.0,
            request_timeout_s=setup.request_timeout_s,
            fetch_bytes=setup.fetch_bytes,
            queue_batches=setup.queue_batches,
            compression=setup.compression,
        ),
    )
    table = BatchTable.create(app, TABLE, partitions=setup.partitions, directory=Path(setup.directory), help="totals")
    table.keeps_tombstones_s = setup.keeps_tombstones_s
    processor = Processor(
        app,
        source=setup.source,
        tables={TABLE: table},
        create=lambda partition, reader: Totals(partition, setup, reader),
        prepare=_nothing,
        catch_up=_nothing,
        publish_s=setup.publish_s,
        checkpoint_s=setup.checkpoint_s,
        max_pending_records=setup.max_pending_records,
        is_profiled=setup.is_profiled,
        report=report,
    )

    async def totals(stream: Any) -> None:
        await processor.run(stream)

    app.agent(app.topic(setup.source, schema=BatchSchema(), key_type=bytes, value_type=bytes))(totals)
    return app


async def _nothing(_: Any) -> None:
    """Totals look nothing up."""


def _row(offset: int, body: bytes) -> bytes:
    return (offset + 1).to_bytes(8, "big") + body


def _version(row: bytes | None) -> int:
    return int.from_bytes(row[:8], "big") - 1 if row else -1
