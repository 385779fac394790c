"""How stream time closes windows, and that nothing missing is ever zero."""

import pytest

from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, a_village, flush, hear, some_rules

WINDOW_MS = 900_000
GRACE_MS = 120_000
HOUR_MS = 3_600_000


def started() -> Log:
    """A log that begins when the window before noon has closed, so that the one of noon is the first."""
    log = Log()
    log.tick(NOON_MS + GRACE_MS)
    return log


def finals(heard) -> set[tuple[str, int]]:
    return {(one.node, one.window_start_ms) for one in heard.contributions if one.final}


@pytest.mark.parametrize(("after_ms", "closed_ms"), [(-1, NOON_MS), (0, NOON_MS + WINDOW_MS), (1, NOON_MS + WINDOW_MS)])
def test_a_window_closes_when_stream_time_reaches_its_end_and_the_grace(after_ms, closed_ms):
    machine, log = a_village(), started()
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS + after_ms)

    assert hear(machine, log).watermark.closed_through_ms == closed_ms


def test_a_grace_of_none_closes_a_window_at_its_end():
    machine, log = a_village(grace_ms=0), started()
    log.tick(NOON_MS + WINDOW_MS)

    assert hear(machine, log).watermark.closed_through_ms == NOON_MS + WINDOW_MS


def test_an_open_window_is_said_as_provisional_and_a_closed_one_as_final():
    machine, log = a_village(), started()
    log.say("a", "load-a", NOON_MS + 60_000, 1)
    provisional = hear(machine, log)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)

    assert finals(provisional) == set()
    assert provisional.windows("substation")[NOON_MS].kinds["load"].sum_w == 1
    assert {("substation", NOON_MS), ("feeder-1", NOON_MS)} <= finals(hear(machine, log))


def test_a_closed_window_is_said_for_every_node_with_members_even_if_nothing_was_heard():
    machine, log = a_village(), started()
    hear(machine, log)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    heard = hear(machine, log)
    window = heard.windows("feeder-2")[NOON_MS]

    assert finals(heard) == {(node, NOON_MS) for node in ("feeder-1", "feeder-2", "substation")}
    assert (window.sites_expected, window.sites_reporting) == (1, 0)
    assert (window.kinds["load"].devices_expected, window.kinds["load"].covered_device_s) == (1, 0)
    assert (window.oldest_measured_at_ms, window.newest_measured_at_ms) == (None, None)


def test_the_watermark_comes_after_the_final_contributions_that_it_vouches_for():
    machine, log = a_village(), started()
    hear(machine, log)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS - 1)
    before = hear(machine, log)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    after = hear(machine, log)

    assert (finals(before), before.watermark) == (set(), None)
    assert len(finals(after)) == 3
    assert after.watermark.closed_through_ms == NOON_MS + WINDOW_MS
    assert machine.say()._fields.index("contributions") < machine.say()._fields.index("watermark")


def test_the_watermark_is_said_once_and_names_the_first_window_that_it_vouches_for():
    machine, log = a_village(), started()

    first = hear(machine, log).watermark
    assert (first.first_window_ms, first.closed_through_ms) == (NOON_MS, NOON_MS)
    assert hear(machine, log).watermark is None
    log.tick(NOON_MS + 2 * WINDOW_MS + GRACE_MS)
    second = hear(machine, log).watermark
    assert (second.first_window_ms, second.closed_through_ms) == (NOON_MS, NOON_MS + 2 * WINDOW_MS)


def test_a_jump_of_stream_time_makes_up_no_window_that_no_reading_can_reach():
    machine, log = a_village(horizon_ms=2 * HOUR_MS), started()
    hear(machine, log)
    closed_ms = NOON_MS + 1_000 * WINDOW_MS
    log.tick(closed_ms + GRACE_MS)
    starts = {start_ms for _, start_ms in finals(hear(machine, log))}

    assert starts == {closed_ms - i * WINDOW_MS for i in range(1, 9)}


def test_a_jump_of_stream_time_closes_every_window_that_has_state():
    machine, log = a_village(horizon_ms=2 * HOUR_MS), started()
    log.say("a", "load-a", NOON_MS, 1)
    hear(machine, log)
    log.tick(NOON_MS + 1_000 * WINDOW_MS)
    heard = hear(machine, log)

    assert ("feeder-1", NOON_MS) in finals(heard)
    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1


def test_the_first_record_of_a_log_vouches_for_nothing_before_its_own_time():
    machine, log = a_village(), Log()
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    heard = hear(machine, log)

    assert finals(heard) == set()
    assert heard.watermark.first_window_ms == NOON_MS + WINDOW_MS


def test_a_site_window_is_published_when_it_closes_and_only_for_sites_that_said_something():
    machine, log = a_village(), started()
    log.say("a", "load-a", NOON_MS + 60_000, 10)
    assert hear(machine, log).site_windows == {}
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    windows = hear(machine, log).site_windows

    assert list(windows) == [f"a|{NOON_MS}"]
    assert (windows[f"a|{NOON_MS}"]["status"], windows[f"a|{NOON_MS}"]["state"]) == ("final", "partial")
    assert windows[f"a|{NOON_MS}"]["kinds"]["all"]["energy_import_j"] == 600


def test_a_window_in_which_every_device_covered_everything_is_complete():
    machine, log = a_village(), started()
    for minute in range(15):
        log.say("a", "load-a", NOON_MS + minute * 60_000, 1)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)

    assert hear(machine, log).site_windows[f"a|{NOON_MS}"]["state"] == "complete"


def test_a_site_window_holds_the_state_of_charge_of_its_newest_reading_that_had_one():
    topology = {"n": a_node("feeder"), "s": a_site("n", devices=[a_device("b", kind="battery")])}
    machine, log = a_partition(some_rules(), Disk(), topology), started()
    for minute, soc_wh in ((2, 20), (1, 10), (3, None)):
        more = {} if soc_wh is None else {"state_of_charge_wh": soc_wh}
        log.say("s", "b", NOON_MS + minute * 60_000, 1, arrived_ms=NOON_MS + 200_000, **more)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)

    assert hear(machine, log).site_windows[f"s|{NOON_MS}"]["state_of_charge_wh"] == {"b": 20}


def test_a_site_whose_topology_is_gone_before_its_window_closes_does_not_stop_the_partition():
    machine, log = a_village(), started()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("b", "load-b", NOON_MS, 20)
    hear(machine, log)
    machine.learn_site("a", None, 1)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    heard = hear(machine, log)

    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 20
    assert heard.site_windows[f"b|{NOON_MS}"]["kinds"]["all"]["sum_w"] == 20


def test_a_device_with_a_long_interval_is_expected_only_where_it_is_due():
    topology = {"n": a_node("feeder"), "s": a_site("n", devices=[a_device("m", interval_s=3_600)])}
    machine, log = a_partition(some_rules(), Disk(), topology), started()
    hear(machine, log)
    log.tick(NOON_MS + 4 * WINDOW_MS + GRACE_MS)
    windows = hear(machine, log).windows("n")

    assert [windows[start_ms].sites_expected for start_ms in sorted(windows)] == [1, 0, 0, 0]
    assert windows[NOON_MS].kinds["load"].devices_expected == 1


def test_a_device_heard_where_it_was_not_expected_counts_as_expected_there():
    topology = {"n": a_node("feeder"), "s": a_site("n", devices=[a_device("m", interval_s=3_600)])}
    machine, log = a_partition(some_rules(), Disk(), topology), started()
    log.say("s", "m", NOON_MS + WINDOW_MS, 2)
    log.tick(NOON_MS + 2 * WINDOW_MS + GRACE_MS)
    window = hear(machine, log).windows("n")[NOON_MS + WINDOW_MS]
    kind = window.kinds["load"]

    assert (kind.devices_expected, kind.devices_reporting) == (1, 1)
    assert (kind.covered_device_s, kind.expected_device_s) == (900, 900)
    assert (window.sites_expected, window.sites_reporting, window.rated_power_expected_w) == (1, 1, 10_000)
    assert kind.energy_import_j == 7_200


def test_closing_again_after_a_flush_says_nothing_twice():
    disk = Disk()
    machine, log = a_village(disk), started()
    log.say("a", "load-a", NOON_MS, 1)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS + 1_000)

    assert finals(hear(machine, log)) == set()


def test_a_site_reports_once_however_many_of_its_devices_do():
    topology = {
        "n": a_node("feeder"),
        "one": a_site("n", devices=[a_device("u")]),
        "two": a_site("n", devices=[a_device("v"), a_device("w")]),
    }
    machine, log, reporting = a_partition(some_rules(), Disk(), topology), started(), []
    for site, device in (("two", "v"), ("two", "w"), ("one", "u")):
        log.say(site, device, NOON_MS + 60_000, 1)
        reporting.append(hear(machine, log).windows("n")[NOON_MS].sites_reporting)

    assert reporting == [1, 1, 2]
