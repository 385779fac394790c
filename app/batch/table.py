"""A Faust table that holds rows of bytes: Faust assigns its changelog, machines read and write it in batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import faust
from faust.tables import Table

from app.batch.crash import reach
from app.batch.errors import BatchError
from app.batch.foreign import rows_to_repeat
from app.batch.metrics import Metrics
from app.batch.producer import BatchProducer
from app.batch.store import RowStore
from app.batch.transport import BatchSchema

Row = tuple[bytes, bytes | None]
ReadGap = Callable[[str, int, int, int], Any]

log = logging.getLogger(__name__)


class BatchTable(Table[bytes, bytes]):
    """Rows by key, one store per partition. Written by its partition's machine only, through `write`."""

    directory: Path
    is_whole: bool
    keeps_tombstones_s: float
    stores: dict[int, RowStore]
    read_gap: ReadGap

    @classmethod
    def create(
        cls, app: faust.App, name: str, *, partitions: int, directory: Path, help: str, is_whole: bool = False
    ) -> BatchTable:
        """Add a table to an application; *help* says what one row is and who writes it.

        Of one that *is_whole* a changelog holds the last of every row: one that begins later lost some.
        """
        table = cls(app, name=name, key_type=bytes, value_type=bytes, partitions=partitions, help=help)
        table.directory = directory
        table.is_whole = is_whole
        table.keeps_tombstones_s = 20 * 3600.0
        table.stores = {}
        app.tables.add(table)
        return table

    def _new_changelog_topic(self, **options: Any) -> Any:
        topic: Any = super()._new_changelog_topic(**options)
        topic.schema = BatchSchema()
        topic._compile_decode()
        return topic

    def open(self, partition: int) -> RowStore:
        """Return the store of a partition."""
        if partition not in self.stores:
            path = self.directory / f"{self.name}-{partition}.db"
            self.stores[partition] = RowStore(path, keeps_tombstones_s=self.keeps_tombstones_s)
        return self.stores[partition]

    def close_others(self, partitions: set[int]) -> None:
        """Release the stores of partitions that are somebody else's now."""
        for partition in set(self.stores) - partitions:
            self.stores.pop(partition).close()

    async def on_stop(self) -> None:
        """Release all stores."""
        await super().on_stop()
        self.close_others(set())

    async def write(self, partition: int, rows: Sequence[Row], metrics: Metrics) -> None:
        """Send rows to the changelog, wait until all are acknowledged, then store them with its offset."""
        producer: BatchProducer = self.app.producer  # type: ignore[assignment]
        store = self.stores[partition]
        with metrics.phase("encode"):
            batches = producer.build(((key, value, ()) for key, value in rows), self.changelog_topic_name)
        last, foreign = store.offset, []
        queued = [await producer.send_built(self.changelog_topic_name, partition, one) for one in batches]
        batches.clear()
        for sent in queued:
            base, count = await sent
            if base <= last:
                raise BatchError(_made_again(self.changelog_topic_name, partition, base, last),
                                 topic=self.changelog_topic_name, partition=partition, offset=base)  # fmt: skip
            if base > last + 1:
                foreign.append((last + 1, base))
            last = base + count - 1
        found = [row for gap in foreign for row in await self._foreign_rows(partition, gap)]
        again = rows_to_repeat(rows, found, store.get) if found else []
        reach("flush.logged")
        with metrics.phase("store"):
            store.write(rows, last)
        metrics.rows += len(rows)
        if again:
            await self.write(partition, again, metrics)

    async def _foreign_rows(self, partition: int, gap: tuple[int, int]) -> list[Row]:
        found: list[Row] = await self.read_gap(self.changelog_topic_name, partition, *gap)
        if found:
            log.warning(
                "%s/%s: %s foreign rows at %s to %s, repaired; see that every worker has a member id of its own",
                self.changelog_topic_name, partition, len(found), *gap,
                extra={"topic": self.changelog_topic_name, "partition": partition, "offset": gap[0]},
            )  # fmt: skip
        return found


def _made_again(topic: str, partition: int, base: int, last: int) -> str:
    return (
        f"{topic}/{partition} took a row at offset {base} though it held {last} already: the topic was made again; "
        "reset the state of this application"
    )


class TableReader:
    """Reads one partition of several tables."""

    def __init__(self, tables: dict[str, BatchTable], partition: int) -> None:
        self._stores = {name: table.open(partition) for name, table in tables.items()}

    def get(self, table: str, key: bytes) -> bytes | None:
        """Return a stored row."""
        return self._stores[table].get(key)

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield stored rows with start <= key < end."""
        return self._stores[table].scan(start, end)
