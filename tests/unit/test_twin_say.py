"""What is said when: cadence, catching up, versions, and that nothing is said twice or lost."""

from app.domain.twin import SitePartition
from tests.builders import NOON_MS, Disk, Heard, Log, a_village, flush, hear

WINDOW_MS = 900_000
GRACE_MS = 120_000


def spoken(disk: Disk | None = None):
    machine, log = a_village(disk), Log()
    log.tick(NOON_MS + GRACE_MS)
    log.say("a", "load-a", NOON_MS, 1, arrived_ms=NOON_MS + GRACE_MS)
    machine.apply(log.records, settled=True)
    return machine, log


def nodes(heard: Heard) -> set[str]:
    return {one.node for one in heard.contributions}


def test_only_what_changed_since_the_last_time_is_said():
    machine, log = spoken()
    hear(machine, log)
    assert hear(machine, log).contributions == []
    log.say("c", "load-c", NOON_MS, 1, arrived_ms=NOON_MS + GRACE_MS)

    assert nodes(hear(machine, log)) == {"feeder-2", "substation"}


def test_a_level_that_is_not_due_waits_and_loses_nothing():
    machine, log = spoken()
    low, high = (lambda level: level != "substation"), (lambda level: level == "substation")
    now = Heard(machine.say(due=low, provisional=low))
    log.say("b", "load-b", NOON_MS, 20, arrived_ms=NOON_MS + GRACE_MS)
    machine.apply(log.records, settled=True)
    later = Heard(machine.say(due=high, provisional=high))

    assert nodes(now) == {"feeder-1", "feeder-2"}
    assert nodes(later) == {"substation"}
    assert later.windows("substation")[NOON_MS].kinds["load"].sum_w == 21


def test_provisional_values_wait_for_their_turn_and_live_ones_do_not():
    machine, _ = spoken()
    now = Heard(machine.say(provisional=None))
    later = Heard(machine.say())

    assert {one.window_start_ms for one in now.contributions} == {None}
    assert later.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1


def test_final_windows_do_not_wait_for_their_level():
    machine, log = spoken()
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    machine.apply(log.records, settled=True)
    heard = Heard(machine.say(due=lambda _: False))

    assert {(one.node, one.final) for one in heard.contributions} == {
        ("feeder-1", True), ("feeder-2", True), ("substation", True),
    }  # fmt: skip


def test_windows_of_sites_that_were_just_closed_wait_until_they_are_remembered():
    machine, log = spoken()
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    machine.apply(log.records, settled=True)
    heard = Heard(machine.say(site_windows=False))

    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1
    assert heard.site_windows == {}
    assert Heard(machine.say()).site_windows.keys() == {f"a|{NOON_MS}"}
    assert Heard(machine.say()).site_windows == {}


def test_a_correction_of_a_stored_window_does_not_wait():
    disk = Disk()
    machine, log = spoken(disk)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    log.say("a", "load-a", NOON_MS + 60_000, 5, arrived_ms=NOON_MS + WINDOW_MS + GRACE_MS)
    machine.apply(log.records, settled=True)

    assert Heard(machine.say(site_windows=False)).site_windows[f"a|{NOON_MS}"]["status"] == "corrected"


def test_while_behind_only_closed_windows_are_said():
    machine, log = spoken()
    assert Heard(machine.say(behind=True)).contributions == []
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    heard = hear(machine, log, behind=True)

    assert all(one.final for one in heard.contributions)
    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1


def test_what_waited_while_behind_is_said_afterwards():
    machine, log = spoken()
    machine.say(behind=True)

    assert hear(machine, log).windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1


def test_a_version_is_the_offset_of_the_last_record_folded():
    machine, log = spoken()
    assert {one.version for one in hear(machine, log).contributions} == {1}
    log.tick(NOON_MS + GRACE_MS + 1)
    log.say("a", "load-a", NOON_MS + 60_000, 1, arrived_ms=NOON_MS + GRACE_MS + 1)
    heard = hear(machine, log)

    assert {one.version for one in heard.contributions} == {3}


def test_a_contribution_says_whose_share_of_which_node_it_is():
    machine, log = spoken()
    one = next(one for one in hear(machine, log).contributions if one.node == "feeder-1")

    assert (one.partition, one.level, one.hierarchy) == (0, "feeder", "grid")


def test_twins_are_said_on_their_own_cadence_each_once():
    machine, log = spoken()
    assert hear(machine, log, twins=False).twins == {}
    said = hear(machine, log, twins=True).twins

    assert list(said) == ["a"]
    assert (said["a"]["revision"], said["a"]["as_of_ms"]) == (1, NOON_MS + GRACE_MS)
    assert said["a"]["readings"] == {"applied": 1, "duplicate": 0, "conflicting": 0}
    assert hear(machine, log, twins=True).twins == {}


def test_a_twin_shows_every_device_of_its_site_and_null_for_what_is_not_known():
    machine, log = spoken()
    (device,) = hear(machine, log, twins=True).twins["a"]["devices"]

    assert (device["device"], device["kind"], device["active_power_w"]) == ("load-a", "load", 1)
    assert device["state_of_charge_wh"] is None
    assert device["energy_import_wh"] is None


def test_a_record_at_or_below_the_offset_is_skipped():
    machine, log = spoken()
    hear(machine, log)
    machine.apply(log.records, settled=True)

    assert machine.state.sites["a"].duplicate == 0
    assert machine.state.records == 2


def test_everything_open_is_said_once_more_where_a_former_owner_may_have_spoken():
    machine, log = spoken()
    machine.announce()
    hear(machine, log)
    machine.caught_up_at(len(log.records) + 1)
    assert hear(machine, log).contributions == []
    log.tick(NOON_MS + GRACE_MS)
    again = hear(machine, log)

    assert nodes(again) == {"feeder-1", "feeder-2", "substation"}
    assert again.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1
    assert again.watermark is not None
    assert hear(machine, log).contributions == []


def say_in(machine: SitePartition, log: Log, batch: int) -> list[object]:
    machine.say()
    for at in range(0, len(log.records), batch):
        machine.apply(log.records[at : at + batch], settled=True)
    return list(machine.say(twins=True))


def test_the_split_into_batches_changes_no_byte_of_what_is_said():
    log = Log()
    for second in range(0, 2_400, 20):
        site = "abc"[second % 3]
        log.say(
            site,
            f"load-{site}",
            NOON_MS + second * 1_000 - second % 7 * 60_000,
            second,
            arrived_ms=NOON_MS + second * 1_000,
        )

    assert say_in(a_village(), log, 1) == say_in(a_village(), log, 7) == say_in(a_village(), log, 1_000)


def test_a_node_that_is_met_in_one_window_hears_of_everything_that_is_open():
    """A stale owner may have told it of the rest, from topology that we no longer hold."""
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 10)
    hear(machine, log)
    machine.state.known.clear()
    log.say("a", "load-a", NOON_MS + WINDOW_MS, 10)
    heard = [one for _ in range(2) for one in hear(machine, log).contributions if one.node == "feeder-1"]

    places = [one.window_start_ms for one in heard]
    assert {NOON_MS, NOON_MS + WINDOW_MS, None} <= set(places)
    assert len(set(places)) == len(places)
