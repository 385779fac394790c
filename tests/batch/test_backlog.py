"""A partition is behind when it has more to read than it reads in a second."""

from __future__ import annotations

import pytest

from app.batch.backlog import FEW_RECORDS, Backlog


def reading(records_per_s: int) -> Backlog:
    """Return what two seconds at a rate look like."""
    backlog = Backlog(now_s=100.0)
    backlog.measure(102.0, 2 * records_per_s)
    return backlog


@pytest.mark.parametrize(("lag", "is_behind"), [(0, False), (10_000, False), (10_001, True)])
def test_what_is_read_within_a_second_is_no_backlog(lag: int, is_behind: bool) -> None:
    assert reading(80_000).is_behind(lag, partitions=8) is is_behind


@pytest.mark.parametrize(("lag", "is_behind"), [(FEW_RECORDS, False), (FEW_RECORDS + 1, True)])
def test_a_few_records_are_no_backlog_whatever_the_rate(lag: int, is_behind: bool) -> None:
    assert Backlog(now_s=0.0).is_behind(lag, partitions=1) is is_behind
    assert reading(1).is_behind(lag, partitions=0) is is_behind
    assert reading(1).is_behind(lag // 8 + is_behind, partitions=8) is is_behind


def test_a_rate_of_a_moment_is_not_taken_for_one_of_a_second() -> None:
    backlog = reading(80_000)
    backlog.measure(102.1, 160_000)

    assert not backlog.is_behind(10_000, partitions=8)
    backlog.measure(103.0, 160_000)
    assert not backlog.is_behind(9_000, partitions=8)
    assert backlog.is_behind(9_001, partitions=8)
