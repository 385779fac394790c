"""What was fetched is handed on by the list: whole, in order, from where it was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from app.batch.lean import MOST_RECORDS, install_lean_records, lean

install_lean_records()


class Assigned:
    """Stands for the state of a partition that is assigned: where it was read to."""

    active, paused = True, False

    def __init__(self, position: int) -> None:
        self.position = position

    def state_value(self, _: Any) -> Assigned:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


@pytest.mark.parametrize("counts", [(3,), (1, 1, 1), (MOST_RECORDS // 2,), (MOST_RECORDS, 7), (9_999, 9_999, 30_001)])
def test_every_record_comes_once_in_lists_that_are_bounded(counts: tuple[int, ...]) -> None:
    fetched, assigned = fetch(b"".join(batches(*counts)))
    seen: list[int] = []
    while fetched.has_more():
        records = fetched.getall()
        assert len(records) < MOST_RECORDS
        seen += [one.offset for one in records]
        assert assigned.position == seen[-1] + 1
    assert seen == list(range(sum(counts)))


def test_a_fetch_that_comes_to_few_records_is_done_with_its_only_list() -> None:
    """The next fetch of the partition begins when it is."""
    fetched, _ = fetch(b"".join(batches(10, 10)))
    assert len(fetched.getall()) == 20
    assert not fetched.has_more()


def test_records_before_the_one_that_was_asked_for_are_left_out() -> None:
    fetched, assigned = fetch(b"".join(batches(5, 5)), start=3)
    assert [one.offset for one in fetched.getall()] == list(range(3, 10))
    assert assigned.position == 10


def test_a_batch_of_which_compaction_left_nothing_is_passed() -> None:
    """Its header still tells how far it went; without that its place would be fetched for ever."""
    fetched, assigned = fetch(batch(0, 5, keeps=0))
    assert fetched.getall() == []
    assert assigned.position == 5


def test_a_marker_of_a_transaction_is_no_record() -> None:
    fetched, assigned = fetch(batch(0, 2) + as_control(batch(2, 1)) + batch(3, 1))
    assert [one.offset for one in fetched.getall()] == [0, 1, 3]
    assert assigned.position == 4


def test_a_damaged_batch_is_no_data() -> None:
    damaged = bytearray(batch(0, 5))
    damaged[-2] ^= 1
    with pytest.raises(CorruptRecordException):
        fetch(bytes(damaged))[0].getall()


def test_who_does_not_ask_gets_aiokafkas_own_records() -> None:
    fetched, _ = fetch(batch(0, 3), key_deserializer=None)
    assert [type(one).__name__ for one in fetched.getall(2)] == ["ConsumerRecord"] * 2


def fetch(raw: bytes, *, start: int = 0, key_deserializer: Any = lean) -> tuple[Any, Assigned]:
    assigned = Assigned(start)
    tp = type("Tp", (), {"topic": "t", "partition": 0})
    records = PartitionRecords(tp, MemoryRecords(raw), [], start, key_deserializer, None, True, 0)
    return FetchResult(tp, assignment=assigned, partition_records=records, backoff=0), assigned


def batches(*counts: int) -> list[bytes]:
    return [batch(sum(counts[:i]), count) for i, count in enumerate(counts)]


def batch(base: int, count: int, *, keeps: int | None = None) -> bytes:
    """Return a batch of so many offsets, as the broker sends it; of its records compaction may have kept few."""
    builder = DefaultRecordBatchBuilder(2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0,
                                        batch_size=1 << 24)  # fmt: skip
    for i in range(count):
        builder.append(i, 0, b"k", b"v", [])
    raw = bytearray(builder.build())
    if keeps == 0:
        del raw[RECORDS_AT:]
        raw[RECORDS_AT - 4 : RECORDS_AT] = (0).to_bytes(4, "big")
        raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[:8] = base.to_bytes(8, "big")
    return sealed(raw)


RECORDS_AT, ATTRIBUTES_AT, CRC_AT = 61, 21, 17
CONTROL = 0x20


def as_control(raw: bytes) -> bytes:
    changed = bytearray(raw)
    changed[ATTRIBUTES_AT + 1] |= CONTROL
    return sealed(changed)


def sealed(raw: bytearray) -> bytes:
    """Return it with the checksum that it has to have."""
    raw[CRC_AT : CRC_AT + 4] = calc_crc32c(bytes(raw[ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(raw)
