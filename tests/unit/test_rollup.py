"""Slots of a node: replaced, never added to, and said when they are due."""

import pytest

from tests.builders import NOON_MS, Disk
from tests.rollup_builders import (
    NO_SHARE,
    ContributedLog,
    a_live_share,
    a_node_partition,
    a_window_share,
    keep,
    published,
)

WINDOW_MS = 900_000
HOUR_MS = 3_600_000
NOON = f"n|{NOON_MS}"


def noon(machine, log) -> dict:
    return published(machine, log)[NOON]


def test_a_node_is_the_sum_of_what_its_partitions_said_last():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1), partition=0)
    log.say(a_window_share(20), partition=1)
    log.say(a_window_share(100), partition=0, version=1)

    assert noon(machine, log)["kinds"]["load"]["sum_w"] == 120


def test_an_older_version_is_ignored_and_an_equal_one_replaces():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(10), version=5)
    log.say(a_window_share(1), version=4)
    assert noon(machine, log)["kinds"]["load"]["sum_w"] == 10
    log.say(a_window_share(20), version=5)

    assert noon(machine, log)["kinds"]["load"]["sum_w"] == 20


def test_a_version_counts_only_against_its_own_partition():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(10), partition=0, version=500)
    log.say(a_window_share(1), partition=1, version=0)

    assert noon(machine, log)["kinds"]["load"]["sum_w"] == 11


def test_an_empty_contribution_takes_a_partition_out_of_a_node():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1), partition=0)
    log.say(a_window_share(20), partition=1)
    log.say(NO_SHARE, partition=1, version=1, level="")
    found = noon(machine, log)

    assert found["kinds"]["all"]["sum_w"] == 1
    assert (found["level"], found["hierarchy"]) == ("feeder", "grid")


def test_the_revision_is_the_offset_of_the_last_contribution_that_changed_something():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_window_share(20), node="other")
    log.say(a_window_share(1), version=1)
    log.say(a_window_share(2), version=0)
    found = published(machine, log)

    assert (found[NOON]["revision"], found[f"other|{NOON_MS}"]["revision"]) == (0, 1)


def test_equal_content_with_a_newer_version_is_not_said_again():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    published(machine, log)
    log.say(a_window_share(1), version=9)

    assert published(machine, log) == {}


def test_windows_nodes_and_live_have_slots_of_their_own():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_window_share(20), start_ms=NOON_MS + WINDOW_MS)
    log.say(a_window_share(100), node="m")
    log.say(a_live_share(1_000))

    assert sorted(published(machine, log)) == sorted(
        [NOON, f"n|{NOON_MS + WINDOW_MS}", f"m|{NOON_MS}", "n|live"]
    )  # fmt: skip


@pytest.mark.parametrize(("windows", "is_dropped"), [(3, False), (4, False), (5, False), (6, True)])
def test_a_contribution_for_a_window_that_has_expired_is_dropped_and_counted(windows, is_dropped):
    machine, log = a_node_partition(partitions=1, horizon_ms=HOUR_MS), ContributedLog()
    log.close(NOON_MS + windows * WINDOW_MS)
    log.say(a_window_share(1), final=True)

    assert (NOON not in published(machine, log)) == is_dropped
    assert machine.expired_contributions == int(is_dropped)


def test_a_node_whose_level_nobody_knows_is_not_said():
    machine, log = a_node_partition(), ContributedLog()
    log.say(NO_SHARE, level="")
    log.say(a_live_share(0), level="")

    assert published(machine, log) == {}


def test_a_level_that_becomes_known_or_changes_is_said():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1), level="")
    published(machine, log)
    log.say(a_window_share(1), version=1, level="feeder")
    assert noon(machine, log)["level"] == "feeder"
    log.say(a_window_share(1), version=2, level="street")

    assert (noon(machine, log)["level"], machine.held[next(iter(machine.held))].revision) == ("street", 2)


def test_a_level_that_is_not_due_waits_but_a_final_window_does_not():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_live_share(1))
    machine.apply(log.records)
    assert machine.say(due=lambda _: False) == []
    log.close(NOON_MS + WINDOW_MS)
    machine.apply(log.records)

    assert [one.key.decode() for one in machine.say(due=lambda _: False)] == [NOON]
    assert [one.key.decode() for one in machine.say()] == ["n|live"]


def test_while_behind_only_final_windows_are_said():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_window_share(2), start_ms=NOON_MS + WINDOW_MS)
    log.close(NOON_MS + WINDOW_MS)

    assert list(published(machine, log, behind=True)) == [NOON]
    assert list(published(machine, log)) == [f"n|{NOON_MS + WINDOW_MS}"]


def test_a_window_waits_for_its_turn_but_not_when_it_is_final():
    machine, log = a_node_partition(partitions=2), ContributedLog()
    log.say(a_window_share(1), final=True)
    log.say(a_window_share(2), start_ms=NOON_MS + WINDOW_MS)
    log.close(NOON_MS + WINDOW_MS, partition=0)

    assert list(published(machine, log, provisional=False)) == []
    assert list(published(machine, log)) == [NOON, f"n|{NOON_MS + WINDOW_MS}"]
    log.say(a_window_share(10), partition=1, final=True)
    assert list(published(machine, log, provisional=False)) == []
    log.close(NOON_MS + WINDOW_MS, partition=1)
    assert published(machine, log, provisional=False)[NOON]["status"] == "final"


def test_records_at_or_below_the_offset_are_skipped():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    published(machine, log)

    assert published(machine, log) == {}
    assert machine.offset == 0


def test_final_windows_leave_memory_once_their_rows_are_stored():
    disk = Disk()
    machine, log = a_node_partition(disk, partitions=1), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_window_share(2), start_ms=NOON_MS + WINDOW_MS)
    log.close(NOON_MS + WINDOW_MS)
    published(machine, log)
    keep(machine, disk)

    assert {place.start_ms for place in machine.held} == {NOON_MS + WINDOW_MS}


def test_a_correction_of_a_window_that_left_memory_keeps_the_other_slots():
    disk = Disk()
    machine, log = a_node_partition(disk), ContributedLog()
    log.say(a_window_share(1), partition=0)
    log.say(a_window_share(20), partition=1)
    for partition in (0, 1):
        log.close(NOON_MS + WINDOW_MS, partition=partition)
    published(machine, log)
    keep(machine, disk)
    log.say(a_window_share(100), partition=0, version=1, final=True)

    assert noon(machine, log)["kinds"]["all"]["sum_w"] == 120
