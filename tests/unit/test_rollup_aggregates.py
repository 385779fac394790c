"""Slots to what is published: sums, the kind `all`, states, spans of time."""

import pytest

from app.domain.contracts import LiveTotals
from tests.builders import NOON_MS
from tests.rollup_builders import ContributedLog, a_live_share, a_node_partition, a_window_share, published


def window(*shares) -> dict:
    machine, log = a_node_partition(partitions=4), ContributedLog()
    for partition, share in enumerate(shares):
        log.say(share, partition=partition)
    return published(machine, log)[f"n|{NOON_MS}"]


def live(*shares) -> dict:
    machine, log = a_node_partition(partitions=4), ContributedLog()
    for partition, share in enumerate(shares):
        log.say(share, partition=partition)
    return published(machine, log)["n|live"]


def test_every_measure_is_summed_by_kind():
    found = window(a_window_share(1), a_window_share(-20))["kinds"]["load"]

    assert (found["readings"], found["sum_w"], found["mean_power_w"]) == (2, -19, -19)
    assert (found["energy_import_j"], found["energy_export_j"]) == (900, 18_000)
    assert (found["devices_expected"], found["covered_device_s"], found["expected_device_s"]) == (2, 1_800, 1_800)


def test_the_kind_all_is_the_sum_of_the_kinds():
    kinds = window(a_window_share(1), a_window_share(20, kind="pv"), a_window_share(100, kind="pv"))["kinds"]

    assert {kind: totals["sum_w"] for kind, totals in kinds.items()} == {"all": 121, "load": 1, "pv": 120}


@pytest.mark.parametrize(
    ("shares", "state"),
    [
        ([a_window_share(1)], "complete"),
        ([a_window_share(1), a_window_share(0, readings=0)], "partial"),
        ([a_window_share(1, readings=1, expected=2)], "partial"),
        ([a_window_share(0, readings=0)], "empty"),
    ],
)
def test_a_window_is_no_better_than_its_inputs(shares, state):
    assert window(*shares)["state"] == state


def test_counts_of_sites_and_rated_powers_are_summed():
    found = window(a_window_share(1, expected=2), a_window_share(0, readings=0))

    assert found["sites"] == {"expected": 3, "reporting": 1}
    assert found["rated_power_w"] == {"expected": 300, "reporting": 100}


def test_the_span_of_a_window_is_that_of_the_partitions_that_heard_something():
    found = window(a_window_share(20), a_window_share(10), a_window_share(0, readings=0))

    assert (found["oldest_measured_at_ms"], found["newest_measured_at_ms"]) == (NOON_MS + 10, NOON_MS + 20)


@pytest.mark.parametrize(
    ("shares", "state"),
    [
        ([a_live_share(1)], "complete"),
        ([a_live_share(1), a_live_share(1, fresh=0, stale=1)], "partial"),
        ([a_live_share(1), a_live_share(1, fresh=0, never=1)], "partial"),
        ([a_live_share(1, fresh=0, stale=1)], "stale"),
        ([a_live_share(1, fresh=0, stale=1), a_live_share(0, fresh=0, never=1)], "stale"),
        ([a_live_share(0, fresh=0, never=1)], "empty"),
        ([LiveTotals(NOON_MS, {}, (0, 0, 0, 0, 0), (0, 0, 0, 0))], "empty"),
    ],
)
def test_what_is_live_is_no_better_than_its_inputs(shares, state):
    assert live(*shares)["state"] == state


def test_live_values_sites_and_storage_are_summed():
    found = live(a_live_share(1), a_live_share(-20))

    assert [found["kinds"]["all"][name] for name in ("active_power_w", "import_w", "export_w")] == [-19, 1, 20]
    assert found["sites"]["online"] == 2
    assert list(found["storage"].values()) == [2, 4, 20, 40]


def test_a_live_value_is_as_old_as_its_oldest_share_that_has_members():
    nobody = LiveTotals(NOON_MS - 100, {}, (0, 0, 0, 0, 0), (0, 0, 0, 0))

    assert live(a_live_share(1), a_live_share(1, as_of_ms=NOON_MS - 2), nobody)["as_of_ms"] == NOON_MS - 2
    assert live(nobody)["as_of_ms"] == NOON_MS - 100


def test_an_id_may_hold_any_character():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1), node="Süd|1/電")

    assert published(machine, log)[f"Süd|1/電|{NOON_MS}"]["node"] == "Süd|1/電"


WINDOW_NAMES = """
    schema node level hierarchy window_start_ms window_s revision status state waiting_for kinds sites rated_power_w
    oldest_measured_at_ms newest_measured_at_ms
"""
WINDOW_KIND_NAMES = """
    readings sum_w mean_power_w energy_import_j energy_export_j devices_expected devices_reporting covered_device_s
    expected_device_s
"""
LIVE_KIND_NAMES = """
    active_power_w import_w export_w stale_power_w devices_fresh devices_stale devices_never rated_power_w
    stale_rated_power_w
"""
STORAGE_NAMES = "state_of_charge_wh usable_capacity_wh charge_power_available_w discharge_power_available_w"


def test_the_names_of_a_window_are_those_of_the_contract():
    found = window(a_window_share(1))

    assert list(found) == WINDOW_NAMES.split()
    assert list(found["kinds"]["all"]) == WINDOW_KIND_NAMES.split()
    assert (found["schema"], found["window_s"], found["window_start_ms"]) == (1, 900, NOON_MS)


def test_the_names_of_a_live_value_are_those_of_the_contract():
    found = live(a_live_share(1))

    assert " ".join(found) == "schema node level hierarchy as_of_ms revision state kinds sites storage"
    assert list(found["kinds"]["all"]) == LIVE_KIND_NAMES.split()
    assert " ".join(found["sites"]) == "online delayed recovering offline never_seen"
    assert list(found["storage"]) == STORAGE_NAMES.split()
