"""Tables come back from their changelogs by plain consumers, in batches, ending on positions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from mode import Service

from app.batch.crash import reach
from app.batch.errors import BatchError, die
from app.batch.farewell import part
from app.batch.heap import growing
from app.batch.part import batch_app
from app.batch.store import RowStore
from app.batch.table import BatchTable

POLL_MS = 200

log = logging.getLogger(__name__)


class BatchRecovery(Recovery):
    """After an assignment: restore every table of the partitions owned, then let sources flow."""

    _rebalances = 0

    async def on_rebalance(self, *arguments: Any, **options: Any) -> None:
        """Note which rebalance this assignment ended: a later one makes it void."""
        self._rebalances = self.app.rebalancing_count
        await super().on_rebalance(*arguments, **options)

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(cast(Any, self.signal_recovery_start)):
                return
            self.signal_recovery_start.clear()
            try:
                await self._recover(self._generation_id)
            except (RebalanceAgain, IllegalStateError):
                log.info("assigned anew while restoring; starting over")
            except ServiceStopped:
                if not self.should_stop:
                    die(BatchError("the sources could not be sought in time: the broker does not answer; start again"))
            except Exception as error:
                die(error)

    async def _recover(self, generation: int) -> None:
        self._set_recovery_started()
        with growing():
            await self._wait(self._restore())
        if self.app.rebalancing_count != self._rebalances:
            raise RebalanceAgain
        await self._wait(self.on_recovery_completed(generation))

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Changelogs do not come through the stream."""

    async def _restore(self) -> None:
        began = time.monotonic()
        processor = batch_app(self).batch_processor
        partitions = processor.assigned()
        tables: list[BatchTable] = [table for table in self.tables.values() if isinstance(table, BatchTable)]
        for table in tables:
            table.close_others(partitions)
        rows = await restore_tables(processor.new_plain_consumer, tables, partitions)
        reach("recovery.restored")
        await processor.recover(partitions)
        processor.metrics.recoveries += 1
        processor.metrics.recovered_rows = rows
        processor.metrics.recovery_s = time.monotonic() - began
        log.info("restored %s rows of %s partitions in %.2f s", rows, len(partitions), time.monotonic() - began)


class BatchTableManager(TableManager):
    """Uses `BatchRecovery`."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = BatchRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start at once: nothing here waits for topics to be declared."""
        await self._update_channels()
        if not self.should_stop:
            await self.recovery.start()


async def restore_tables(
    new_consumer: Callable[[], AIOKafkaConsumer], tables: list[BatchTable], partitions: set[int]
) -> int:
    """Bring the stores of some partitions up to the end of their changelogs; return the records read."""
    stores = {
        TopicPartition(table.changelog_topic_name, partition): table.open(partition)
        for table in tables
        for partition in partitions
    }
    whole = {table.changelog_topic_name for table in tables if table.is_whole}
    if not stores:
        return 0
    consumer = new_consumer()
    await consumer.start()
    try:
        consumer.assign(list(stores))
        ends = await consumer.end_offsets(list(stores))
        earliest = await consumer.beginning_offsets(list(stores))
        for tp, store in stores.items():
            _check_store(tp, store.offset, ends[tp])
            if tp.topic in whole:
                _check_begin(tp, store.offset, earliest[tp])
        rows = 0
        for tp, store in stores.items():
            if ends[tp] > store.offset + 1:
                rows += await _read(consumer, tp, store, max(store.offset + 1, earliest[tp]), ends[tp])
            store.complete(ends[tp] - 1)
        return rows
    finally:
        await part(consumer)


async def _read(consumer: AIOKafkaConsumer, tp: TopicPartition, store: RowStore, begin: int, end: int) -> int:
    """Read one partition to an end; others do not wait in memory meanwhile. Return the records read."""
    rows = 0
    consumer.assign([tp])
    consumer.seek(tp, begin)
    while await consumer.position(tp) < end:
        records = (await consumer.getmany(tp, timeout_ms=POLL_MS)).get(tp, ())
        if records:
            rows += len(records)
            store.restore([(record.key, record.value) for record in records], records[-1].offset)
            reach("recovery.read")
    return rows


def _check_store(tp: TopicPartition, offset: int, end: int) -> None:
    if offset >= end:
        raise BatchError(
            f"the disk holds {tp.topic}/{tp.partition} up to offset {offset}, but that log ends at {end}: the topic "
            "was made again; what it lost is on no disk: reset both applications and read the source again",
            topic=tp.topic,
            partition=tp.partition,
            offset=offset,
        )


def _check_begin(tp: TopicPartition, offset: int, begin: int) -> None:
    """Compaction leaves a log's beginning where it is; retention, or somebody, does not."""
    if begin > offset + 1:
        raise BatchError(
            f"{tp.topic}/{tp.partition} begins at offset {begin}, but the disk holds it up to {offset} only: rows were "
            "deleted that must be kept; reset both applications and read the source again",
            topic=tp.topic,
            partition=tp.partition,
            offset=begin,
        )


async def read_gap(
    new_consumer: Callable[[], AIOKafkaConsumer], topic: str, partition: int, start: int, end: int
) -> list[tuple[bytes, bytes | None]]:
    """Return the records of a partition with start <= offset < end."""
    tp = TopicPartition(topic, partition)
    consumer = new_consumer()
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, start)
        found: list[tuple[bytes, bytes | None]] = []
        while await consumer.position(tp) < end:
            records = (await consumer.getmany(tp, timeout_ms=POLL_MS)).get(tp, [])
            found += [(record.key, record.value) for record in records if record.offset < end]
        return found
    finally:
        await part(consumer)
