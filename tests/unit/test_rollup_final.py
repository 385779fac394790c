"""A node's window is final by watermarks, nothing else, and corrected in log order."""

import pytest

from tests.builders import NOON_MS
from tests.rollup_builders import ContributedLog, a_node_partition, a_window_share, published

WINDOW_MS = 900_000
NOON = f"n|{NOON_MS}"


def noon(machine, log) -> dict:
    return published(machine, log)[NOON]


@pytest.mark.parametrize("marks", [[], [(0, 1)], [(1, 1)], [(0, 1), (1, 0)], [(0, 2), (0, 1)]])
def test_a_window_is_provisional_until_the_watermarks_of_all_partitions_have_passed_it(marks):
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1), final=True)
    for partition, windows in marks:
        log.close(NOON_MS + windows * WINDOW_MS, partition=partition)

    assert noon(machine, log)["status"] == "provisional"


def test_a_window_is_final_when_the_last_watermark_has_passed_it_and_is_said_again_as_that():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    log.close(NOON_MS + WINDOW_MS, partition=0)
    assert noon(machine, log)["waiting_for"] == [1]
    log.close(NOON_MS + WINDOW_MS, partition=1)
    found = noon(machine, log)

    assert (found["status"], found["waiting_for"]) == ("final", [])


def test_a_final_record_has_a_newer_revision_than_the_provisional_one_before_it():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1))
    assert noon(machine, log)["revision"] == 0
    log.close(NOON_MS + WINDOW_MS)

    assert noon(machine, log)["revision"] == 1


def test_waiting_for_names_the_partitions_that_have_not_closed_the_window():
    machine, log = a_node_partition(partitions=4), ContributedLog()
    log.close(NOON_MS + WINDOW_MS, partition=1)
    log.close(NOON_MS, partition=2)
    log.say(a_window_share(1))

    assert noon(machine, log)["waiting_for"] == [0, 2, 3]


def test_a_watermark_never_goes_back():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.close(NOON_MS + WINDOW_MS, first_ms=NOON_MS)
    log.close(NOON_MS, first_ms=NOON_MS + 2 * WINDOW_MS)
    log.say(a_window_share(1))
    machine.apply(log.records)

    assert machine.watermarks == {0: (NOON_MS, NOON_MS + WINDOW_MS)}


def test_a_window_that_gets_its_first_contribution_behind_all_watermarks_is_corrected():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.close(NOON_MS + WINDOW_MS)
    log.say(a_window_share(1), final=True)

    assert noon(machine, log)["status"] == "corrected"


def test_a_change_after_the_window_was_final_is_a_correction_for_ever():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1), final=True)
    log.close(NOON_MS + WINDOW_MS)
    assert noon(machine, log)["status"] == "final"
    log.say(a_window_share(2), version=1, final=True)
    assert noon(machine, log)["status"] == "corrected"
    log.say(a_window_share(1), version=2, final=True)

    assert noon(machine, log)["status"] == "corrected"


def test_the_same_content_after_the_window_was_final_corrects_nothing():
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1), final=True)
    log.close(NOON_MS + WINDOW_MS)
    log.say(a_window_share(1), version=1, final=True)

    assert noon(machine, log)["status"] == "final"


@pytest.mark.parametrize("said_between", [True, False])
def test_what_is_corrected_depends_on_the_log_and_not_on_when_it_was_said(said_between):
    machine, log = a_node_partition(partitions=1), ContributedLog()
    log.say(a_window_share(1), final=True)
    log.close(NOON_MS + WINDOW_MS)
    if said_between:
        published(machine, log)
    log.say(a_window_share(2), version=1, final=True)

    assert noon(machine, log)["status"] == "corrected"


def test_a_window_whose_slots_are_all_empty_is_published_with_coverage_0():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(0, readings=0), partition=0, final=True)
    found = noon(machine, log)

    assert (found["state"], found["kinds"]["all"]["covered_device_s"]) == ("empty", 0)
    assert (found["sites"], found["rated_power_w"]) == (
        {"expected": 1, "reporting": 0},
        {"expected": 100, "reporting": 0},
    )
    assert found["oldest_measured_at_ms"] is None
