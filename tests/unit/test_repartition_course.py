"""A copy keeps each partition's order and time, gives every key its new home, and leaves rejected strays behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kafka.clients import partition_of
from app.kafka.repartition_course import Course, Head, Merge


class Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None = b""
    value: bytes = b""
    headers: tuple[()] = ()


def merged(partitions: dict[int, list[int]], *, by: int = 100) -> list[Head]:
    """Merge partitions given by their timestamps, fetched so many records at a time."""
    records = {number: [Record(offset, at) for offset, at in enumerate(times)] for number, times in partitions.items()}
    merge = Merge(dict.fromkeys(records, 0), {number: len(held) for number, held in records.items()}, {})
    found: list[Head] = []
    while True:
        found += merge.take()
        if not merge.missing:
            return found
        for number in merge.missing:
            merge.feed(number, records[number][:by])
            del records[number][:by]


def test_records_come_in_the_order_of_their_partitions_time() -> None:
    heads = merged({0: [1, 10, 5, 20], 1: [2, 7, 100]}, by=1)

    assert [(head.partition, head.record.timestamp) for head in heads] == [
        (0, 1), (1, 2), (1, 7), (0, 10), (0, 5), (0, 20), (1, 100),
    ]  # fmt: skip


@given(st.dictionaries(st.integers(0, 3), st.lists(st.integers(0, 50), max_size=12), min_size=1), st.integers(1, 5))
def test_every_record_comes_once_in_its_own_order_and_time_never_runs_ahead(
    partitions: dict[int, list[int]], by: int
) -> None:
    heads = merged(partitions, by=by)
    times = [head.stream_ms for head in heads]

    assert times == sorted(times)
    for number, given_times in partitions.items():
        mine = [head for head in heads if head.partition == number]
        assert [head.record.timestamp for head in mine] == given_times
        assert [head.stream_ms for head in mine] == [max(given_times[: n + 1]) for n in range(len(given_times))]


def placed(course: Course, heads: Iterable[Head]) -> list[tuple[int, bytes | None, int | None]]:
    return [(home, message[0], message[3]) for head in heads for home, message in course.place(head)]


def test_a_key_goes_to_its_new_home_with_its_timestamp() -> None:
    key, before = b"site-1", partition_of(b"site-1", 4)
    course = Course(4, 6, 1000, ticked_ms=0)

    assert placed(course, [Head(10, before, Record(0, 5, key, b"x"))]) == [(partition_of(key, 6), key, 5)]


def test_a_record_that_lay_in_a_wrong_partition_is_left_out() -> None:
    course = Course(4, 6, 1000, ticked_ms=0)
    stray = Head(10, (partition_of(b"site-1", 4) + 1) % 4, Record(0, 5, b"site-1", b"x"))

    assert placed(course, [stray]) == []
    assert (course.records, course.left_out) == (0, 1)


@pytest.mark.parametrize("key", [b"", None])
def test_a_record_without_a_key_stays_one(key: bytes | None) -> None:
    assert placed(Course(4, 3, 1000, ticked_ms=0), [Head(10, 3, Record(0, 5, key, b"x"))]) == [(0, key, 5)]


def test_ticks_go_to_every_new_partition_whenever_time_has_moved_by_one() -> None:
    heads = [Head(at_ms, 0, Record(n, at_ms)) for n, at_ms in enumerate((100, 600, 1100, 1200, 5000))]

    assert placed(Course(1, 2, 1000), heads) == [
        (home, b"", at_ms) for at_ms in (100, 1100, 5000) for home in (0, 1)
    ]  # fmt: skip
