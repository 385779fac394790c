"""Connectivity of sites: what was heard, and what attended time does to those that are not."""

import json

import pytest

from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, a_village, flush, hear, some_rules

S = 1_000
DELAYED_MS = 180 * S
OFFLINE_MS = 600 * S


def heard_at_noon(**rules: int):
    machine, log = a_village(**rules), Log()
    log.say("a", "load-a", NOON_MS, 1)
    return machine, log


@pytest.mark.parametrize(
    ("silence_ms", "steps"),
    [
        (DELAYED_MS - 1, []),
        (DELAYED_MS, [("online", "delayed", NOON_MS + DELAYED_MS)]),
        (OFFLINE_MS - 1, [("online", "delayed", NOON_MS + DELAYED_MS)]),
        (OFFLINE_MS, [("online", "delayed", NOON_MS + DELAYED_MS), ("delayed", "offline", NOON_MS + OFFLINE_MS)]),
    ],
)
def test_a_silent_site_is_delayed_then_offline_stamped_at_last_heard_and_the_threshold(silence_ms, steps):
    machine, log = heard_at_noon()
    hear(machine, log)
    log.tick(NOON_MS + silence_ms)

    assert hear(machine, log).steps() == steps


def test_one_late_look_gives_the_same_stamps_as_many():
    machine, log = heard_at_noon()
    log.tick(NOON_MS + 2_000 * S)

    assert hear(machine, log).steps()[1:] == [
        ("online", "delayed", NOON_MS + DELAYED_MS),
        ("delayed", "offline", NOON_MS + OFFLINE_MS),
    ]


def test_the_first_reading_brings_a_site_online():
    machine, log = heard_at_noon()
    (step,) = [one for one in hear(machine, log).transitions if one["machine"] == "connectivity"]

    assert (step["before"], step["after"], step["cause"], step["at_ms"]) == ("never_seen", "online", "heard", NOON_MS)


def test_a_delayed_site_is_back_with_two_readings_in_a_row():
    machine, log = heard_at_noon()
    for second in (200, 380, 559):
        log.say("a", "load-a", NOON_MS + second * S, 1)

    assert hear(machine, log).steps()[-2:] == [
        ("online", "delayed", NOON_MS + DELAYED_MS),
        ("delayed", "online", NOON_MS + 559 * S),
    ]


def test_a_site_that_is_heard_at_every_threshold_stays_delayed_and_does_not_flap():
    machine, log = heard_at_noon()
    for number in range(1, 20):
        log.say("a", "load-a", NOON_MS + number * DELAYED_MS, 1)

    assert hear(machine, log).steps()[1:] == [("online", "delayed", NOON_MS + DELAYED_MS)]


def test_a_delayed_site_that_was_heard_once_has_its_whole_silence_before_it_again():
    machine, log = heard_at_noon()
    log.say("a", "load-a", NOON_MS + 200 * S, 1)
    log.tick(NOON_MS + 200 * S + OFFLINE_MS - 1)
    hear(machine, log)
    log.tick(NOON_MS + 200 * S + OFFLINE_MS)

    assert hear(machine, log).steps() == [("delayed", "offline", NOON_MS + 200 * S + OFFLINE_MS)]


FAST_UNTIL_MS = NOON_MS + 60 * S


def two_devices(**fast: int):
    devices = [a_device("slow", interval_s=900), a_device("fast", interval_s=10, **fast)]
    return {"n": a_node("feeder"), "s": a_site("n", devices=devices)}


def test_a_retired_device_sets_no_threshold():
    machine, log = a_partition(some_rules(), Disk(), two_devices(to_ms=FAST_UNTIL_MS)), Log()
    log.say("s", "slow", FAST_UNTIL_MS, 1)
    log.tick(FAST_UNTIL_MS + 2_700 * S - 1)

    assert [step[1] for step in hear(machine, log).steps()] == ["online"]
    log.tick(FAST_UNTIL_MS + 2_700 * S)
    assert hear(machine, log).steps() == [("online", "delayed", FAST_UNTIL_MS + 2_700 * S)]


def test_a_device_that_is_added_sets_its_threshold_from_then_on():
    machine, log = a_partition(some_rules(), Disk(), two_devices(from_ms=NOON_MS + 100 * S)), Log()
    log.say("s", "slow", NOON_MS, 1)
    log.tick(NOON_MS + 99 * S)
    before = hear(machine, log).steps()
    log.tick(NOON_MS + 100 * S)

    assert [step[1] for step in before] == ["online"]
    assert [step[1] for step in hear(machine, log).steps()] == ["delayed", "offline"]


def test_the_devices_of_now_are_those_of_the_stream_after_a_restart_too():
    disk, topology = Disk(), two_devices(to_ms=FAST_UNTIL_MS)
    machine, log = a_partition(some_rules(), disk, topology), Log()
    log.say("s", "slow", FAST_UNTIL_MS, 1)
    hear(machine, log)
    flush(machine, disk)
    log.tick(FAST_UNTIL_MS + 2_000 * S)

    assert hear(a_partition(some_rules(), disk, topology), log).steps() == []


def test_a_site_without_a_device_of_now_is_judged_by_those_that_it_had():
    site = a_site("n", devices=[a_device("d", to_ms=NOON_MS + 1)])
    machine, log = a_partition(some_rules(), Disk(), {"n": a_node("feeder"), "s": site}), Log()
    log.say("s", "d", NOON_MS, 1)
    log.tick(NOON_MS + DELAYED_MS)

    assert hear(machine, log).steps()[-1] == ("online", "delayed", NOON_MS + DELAYED_MS)


def test_an_offline_site_recovers_before_it_is_online():
    machine, log = heard_at_noon()
    log.say("a", "load-a", NOON_MS + 700 * S, 1)
    log.say("a", "load-a", NOON_MS + 760 * S, 1)

    assert hear(machine, log).steps()[-2:] == [
        ("offline", "recovering", NOON_MS + 700 * S),
        ("recovering", "online", NOON_MS + 760 * S),
    ]


def test_silence_during_recovery_leads_back_offline_and_recovery_begins_anew():
    machine, log = heard_at_noon()
    log.say("a", "load-a", NOON_MS + 700 * S, 1)
    log.say("a", "load-a", NOON_MS + 900 * S, 1)

    assert hear(machine, log).steps()[-3:] == [
        ("offline", "recovering", NOON_MS + 700 * S),
        ("recovering", "offline", NOON_MS + 880 * S),
        ("offline", "recovering", NOON_MS + 900 * S),
    ]


@pytest.mark.parametrize(("age_ms", "connectivity"), [(DELAYED_MS, "online"), (DELAYED_MS + 1, "never_seen")])
def test_only_a_reading_that_is_not_older_than_the_threshold_was_heard(age_ms, connectivity):
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS - age_ms, 1, arrived_ms=NOON_MS)

    assert hear(machine, log, twins=True).twins["a"]["connectivity"] == connectivity


def test_a_backlog_does_not_refresh_liveness():
    machine, log = heard_at_noon()
    for minute in range(3):
        log.say("a", "load-a", NOON_MS + (minute - 60) * 60 * S, 1, arrived_ms=NOON_MS + 170 * S)
    log.tick(NOON_MS + DELAYED_MS)

    assert hear(machine, log).steps()[-1] == ("online", "delayed", NOON_MS + DELAYED_MS)


def test_thresholds_are_those_of_the_shortest_interval_of_the_site():
    devices = [a_device("slow", interval_s=3_600), a_device("fast", interval_s=10)]
    machine = a_partition(some_rules(), Disk(), {"n": a_node("feeder"), "s": a_site("n", devices=devices)})
    log = Log()
    log.say("s", "slow", NOON_MS, 1)
    log.tick(NOON_MS + 30 * S)

    assert hear(machine, log).steps()[-1] == ("online", "delayed", NOON_MS + 30 * S)


def test_an_outage_of_the_broker_is_nobodys_silence():
    machine, log = heard_at_noon(attended_gap_ms=10 * S, tick_ms=S)
    log.tick(NOON_MS + 5_000 * S)
    log.say("b", "load-b", NOON_MS + 5_000 * S, 1)

    assert [step for step in hear(machine, log).steps() if step[1] != "online"] == []


def test_silence_goes_on_being_counted_after_an_outage():
    machine, log = heard_at_noon(attended_gap_ms=10 * S, tick_ms=S)
    hear(machine, log)
    log.tick(NOON_MS + 5_000 * S)
    for second in range(1, 180):
        log.tick(NOON_MS + (5_000 + second) * S)
    steps = hear(machine, log).steps()

    assert steps == [("online", "delayed", NOON_MS + 5_179 * S)]


def test_a_site_that_was_never_heard_makes_no_transition():
    machine, log = a_village(), Log()
    log.tick(NOON_MS)
    log.tick(NOON_MS + 5_000 * S)

    assert hear(machine, log).transitions == []


def test_sequence_numbers_count_every_transition_of_a_site():
    machine, log = heard_at_noon()
    log.say("b", "load-b", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS + 200 * S, 2_000)
    mine = [one for one in hear(machine, log).transitions if one["site"] == "a"]

    assert [one["sequence"] for one in mine] == list(range(1, len(mine) + 1))
    assert len(mine) >= 4


def test_a_replay_gives_every_transition_its_sequence_number_and_its_stamp_again():
    def transitions(*, batch: int) -> list[str]:
        machine, log = heard_at_noon()
        log.tick(NOON_MS + 300 * S)
        log.say("a", "load-a", NOON_MS + 700 * S, -5_000)
        log.say("a", "load-a", NOON_MS + 730 * S, 5_000)
        said = []
        for at in range(0, len(log.records), batch):
            machine.apply(log.records[at : at + batch], settled=True)
            said += [value for _, value in machine.say().transitions]
        return [json.dumps(json.loads(value), sort_keys=True) for value in said]

    assert transitions(batch=1) == transitions(batch=2) == transitions(batch=100)


def test_what_an_outage_left_out_is_remembered_over_a_restart():
    disk, rules = Disk(), {"attended_gap_ms": 10 * S, "tick_ms": S}
    machine, log = a_village(disk, **rules), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.tick(NOON_MS + 5_000 * S)
    hear(machine, log)
    flush(machine, disk)
    restarted = a_village(disk, **rules)
    log.tick(NOON_MS + 5_001 * S)
    heard = hear(restarted, log)

    assert heard.steps() == []
    assert heard.live("feeder-1").kinds["load"].devices_fresh == 1
