"""Records as aiokafka parses them, by the list: neither a dataclass made of each nor three calls to hand it on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException

MOST_RECORDS = 20_000
"""Of one partition at a time, however well its batches are compressed: they wait in the queue as objects."""


def lean(_: bytes) -> NoReturn:
    """Given to a consumer as its key deserializer, ask for lean records; never called."""
    raise AssertionError("lean records were not installed")


_full_getall, _full_records = FetchResult.getall, PartitionRecords._unpack_records


def _getall(self: Any, max_records: int | None = None) -> list[Any]:
    """Return lists until they come to half of `MOST_RECORDS`, or to the end of what was fetched.

    *max_records* is for those who did not ask for lean records.
    """
    fetched = self._partition_records
    if fetched is None or fetched._key_deserializer is not lean:
        records: list[Any] = _full_getall(self, max_records)
        return records
    if not self.check_assignment(self._topic_partition):
        return []
    records = []
    for some in fetched._records_iterator:
        records += some
        if 2 * len(records) >= MOST_RECORDS:
            self._update_position()
            return records
    self._update_position()
    self._partition_records = None
    return records


def _unpack_records(self: Any) -> Iterator[Any]:
    return _lists(self) if self._key_deserializer is lean else _full_records(self)


def _lists(self: Any) -> Iterator[list[Any]]:
    """Yield the records of one batch after the other; markers of transactions are none. Aborted ones count."""
    while self._records.has_next():
        batch = self._records.next_batch()
        if self._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {self._tp}")
        if not batch.is_control_batch:
            is_cut = batch.base_offset < self.next_fetch_offset
            yield from _parts(
                self, [one for one in batch if one.offset >= self.next_fetch_offset] if is_cut else [*batch]
            )
        self.next_fetch_offset = batch.next_offset


def _parts(self: Any, records: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(records), MOST_RECORDS // 2):
        some = records[start : start + MOST_RECORDS // 2]
        self.next_fetch_offset = some[-1].offset + 1
        yield some


def install_lean_records() -> None:
    """Change nothing for consumers that do not ask."""
    FetchResult.getall = _getall
    PartitionRecords._unpack_records = _unpack_records
