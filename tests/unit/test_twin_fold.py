"""What one reading changes: a set of seconds per window, the latest values, the counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON_MS, Log, a_village, hear

WINDOW_MS = 900_000


def load(heard, node: str, start_ms: int = NOON_MS):
    return heard.windows(node)[start_ms].kinds["load"]


def counts(machine, site: str = "a") -> tuple[int, int, int]:
    twin = machine.state.sites[site]
    return twin.applied, twin.duplicate, twin.conflicting


def test_a_reading_counts_at_every_node_above_its_site():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("b", "load-b", NOON_MS, 20)
    log.say("c", "load-c", NOON_MS, 100)
    heard = hear(machine, log)

    assert [load(heard, node).sum_w for node in ("feeder-1", "feeder-2", "substation")] == [21, 100, 121]
    assert [load(heard, node).readings for node in ("feeder-1", "feeder-2", "substation")] == [2, 1, 3]


@pytest.mark.parametrize(
    ("at_ms", "start_ms"),
    [(NOON_MS, NOON_MS), (NOON_MS + 899_999, NOON_MS), (NOON_MS + 900_000, NOON_MS + 900_000)],
)
def test_a_reading_belongs_to_the_half_open_window_that_holds_its_measured_time(at_ms, start_ms):
    machine, log = a_village(), Log()
    log.say("a", "load-a", at_ms, 1, arrived_ms=NOON_MS + 899_999)

    assert load(hear(machine, log), "feeder-1", start_ms).sum_w == 1


def test_the_same_second_again_changes_no_sum():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS + 999, 1)

    assert load(hear(machine, log), "feeder-1").sum_w == 1
    assert counts(machine) == (1, 2, 0)


def test_the_first_in_log_order_counts_when_the_latest_second_is_told_differently():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS, 20)

    assert load(hear(machine, log), "feeder-1").sum_w == 1
    assert counts(machine) == (1, 0, 1)


def test_an_older_second_told_differently_is_a_duplicate_as_its_value_is_not_known_any_more():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS + 60_000, 2)
    log.say("a", "load-a", NOON_MS, 20)

    assert load(hear(machine, log), "feeder-1").sum_w == 3
    assert counts(machine) == (2, 1, 0)


def test_two_devices_may_report_in_the_same_second():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("b", "load-b", NOON_MS, 1)

    assert load(hear(machine, log), "feeder-1").readings == 2


def test_a_parent_is_the_sum_of_its_children():
    machine, log = a_village(), Log()
    for i, (site, power_w) in enumerate([("a", 1), ("b", -2), ("c", 10), ("a", -20), ("c", 100)]):
        log.say(site, f"load-{site}", NOON_MS + i * 60_000, power_w, arrived_ms=NOON_MS + 600_000)
    heard = hear(machine, log)

    for measure in load(heard, "substation").__struct_fields__:
        parts = [getattr(load(heard, feeder), measure) for feeder in ("feeder-1", "feeder-2")]
        assert getattr(load(heard, "substation"), measure) == sum(parts), measure


def test_coverage_and_rated_power_say_what_a_total_rests_on():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    window = hear(machine, log).windows("substation")[NOON_MS]

    assert (window.sites_expected, window.sites_reporting) == (3, 1)
    assert (window.rated_power_expected_w, window.rated_power_reporting_w) == (30_000, 10_000)
    assert (window.kinds["load"].covered_device_s, window.kinds["load"].expected_device_s) == (60, 2_700)
    assert (window.kinds["load"].devices_expected, window.kinds["load"].devices_reporting) == (3, 1)


def test_a_window_spans_from_its_oldest_to_its_newest_reading():
    machine, log = a_village(), Log()
    for at_ms in (NOON_MS + 60_000, NOON_MS + 20_000, NOON_MS + 120_000):
        log.say("a", "load-a", at_ms, 1, arrived_ms=NOON_MS + 120_000)
    window = hear(machine, log).windows("substation")[NOON_MS]

    assert (window.oldest_measured_at_ms, window.newest_measured_at_ms) == (NOON_MS + 20_000, NOON_MS + 120_000)


def twin(machine, log, site: str = "a"):
    return hear(machine, log, twins=True).twins[site]["devices"][0]


def test_a_reading_older_than_the_twin_counts_in_its_window_and_leaves_the_twin_alone():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS + 60_000, 2)
    log.say("a", "load-a", NOON_MS, 1, arrived_ms=NOON_MS + 60_000)

    assert twin(machine, log)["active_power_w"] == 2
    assert counts(machine) == (2, 0, 0)


def test_a_clock_that_runs_ahead_cannot_pin_a_twin():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS + 500_000, 100, arrived_ms=NOON_MS)
    log.say("a", "load-a", NOON_MS + 60_000, 2, arrived_ms=NOON_MS + 60_000)

    assert twin(machine, log)["active_power_w"] == 2


def test_of_two_readings_as_late_as_each_other_the_later_in_the_log_is_the_latest():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS + 1_000, 1, arrived_ms=NOON_MS)
    log.say("a", "load-a", NOON_MS + 2_000, 2, arrived_ms=NOON_MS)

    assert twin(machine, log)["active_power_w"] == 2


def test_a_value_that_a_reading_leaves_out_stays_as_it_was_last_known():
    machine, log = a_village(), Log()
    log.say(
        "a",
        "load-a",
        NOON_MS,
        1,
        state_of_charge_wh=10,
        energy_import_wh=20,
        energy_export_wh=100,
        reactive_power_var=-2,
    )
    log.say("a", "load-a", NOON_MS + 60_000, 2, reactive_power_var=-200)
    device = twin(machine, log)

    assert [device[name] for name in ("state_of_charge_wh", "energy_import_wh", "energy_export_wh")] == [10, 20, 100]
    assert device["reactive_power_var"] == -200


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 1_799), st.integers(-1_000, 1_000)),
        max_size=30,
        unique_by=lambda one: one[:2],
    ),
    st.randoms(use_true_random=False),
)
def test_a_window_is_a_set_of_readings_whatever_their_order_and_repetitions(readings, chance):
    sent = readings + [one for one in readings if chance.random() < 0.5]
    chance.shuffle(sent)
    machine, log = a_village(future_ms=WINDOW_MS * 2), Log()
    for site, second, power_w in sent:
        log.say(site, f"load-{site}", NOON_MS + second * 1_000, power_w, arrived_ms=NOON_MS)
    log.tick(NOON_MS)
    windows = hear(machine, log).windows("substation")

    for start_ms in {NOON_MS, *windows}:
        powers = [w for _, second, w in readings if 0 <= NOON_MS + second * 1_000 - start_ms < WINDOW_MS]
        if powers:
            found = windows[start_ms].kinds["load"]
            assert (found.readings, found.sum_w) == (len(powers), sum(powers))
