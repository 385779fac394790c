"""What a change of topology does to a running partition."""

from app.domain.contracts import Edge
from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_site, a_village, flush, hear

WINDOW_MS = 900_000
GRACE_MS = 120_000


def running(disk: Disk | None = None):
    """Site a said 1 W and site b 20 W in the window of noon, which is open."""
    machine, log = a_village(disk), Log()
    log.tick(NOON_MS + GRACE_MS)
    log.say("a", "load-a", NOON_MS, 1, arrived_ms=NOON_MS + GRACE_MS)
    log.say("b", "load-b", NOON_MS, 20, arrived_ms=NOON_MS + GRACE_MS)
    hear(machine, log)
    return machine, log


def sums(heard, start_ms: int = NOON_MS) -> dict[str, int]:
    nodes = {one.node for one in heard.contributions if one.window_start_ms == start_ms}
    return {node: sum(kind.sum_w for kind in heard.windows(node)[start_ms].kinds.values()) for node in nodes}


def move_a(machine, at_ms: int = 0) -> None:
    edges = [Edge("feeder-2")] if at_ms == 0 else [Edge("feeder-1", 0, at_ms), Edge("feeder-2", at_ms)]
    machine.learn_site("a", a_site(*edges, devices=[a_device("load-a")]), 1)


def test_a_site_that_moves_takes_its_open_window_along():
    machine, log = running()
    move_a(machine)
    log.tick(NOON_MS + GRACE_MS + 1)

    assert sums(hear(machine, log)) == {"feeder-1": 20, "feeder-2": 1, "substation": 21}


def test_a_change_takes_effect_with_the_next_record():
    machine, _ = running()
    before = machine.state.topology.ancestors("a", NOON_MS)
    move_a(machine)

    assert machine.state.topology.ancestors("a", NOON_MS) == before == ("feeder-1", "substation")
    machine.apply([], settled=True)
    assert machine.state.topology.ancestors("a", NOON_MS) == ("feeder-2", "substation")


def test_the_members_of_a_window_are_those_at_its_start():
    machine, log = running()
    move_a(machine, NOON_MS + 1)
    log.say("a", "load-a", NOON_MS + 60_000, 100, arrived_ms=NOON_MS + GRACE_MS)
    log.say("a", "load-a", NOON_MS + WINDOW_MS, 1_000)
    heard = hear(machine, log)

    assert sums(heard) | {"feeder-2": 0} == {"feeder-1": 121, "feeder-2": 0, "substation": 121}
    assert sums(heard, NOON_MS + WINDOW_MS)["feeder-2"] == 1_000


def test_a_site_whose_edge_ended_before_a_window_is_not_counted_there():
    machine, log = running()
    machine.learn_site("a", a_site(Edge("feeder-1", 0, NOON_MS), devices=[a_device("load-a")]), 1)
    log.tick(NOON_MS + GRACE_MS + 1)

    assert sums(hear(machine, log)) == {"feeder-1": 20, "feeder-2": 0, "substation": 20}


def test_a_node_that_lost_its_last_site_is_told_so_with_an_empty_contribution():
    machine, log = running()
    hear(machine, log)
    machine.learn_site("c", a_site("feeder-1", devices=[a_device("load-c")]), 1)
    log.tick(NOON_MS + GRACE_MS + 1)
    heard = hear(machine, log)
    empty = heard.windows("feeder-2")[NOON_MS]

    assert (empty.kinds, empty.sites_expected, empty.rated_power_expected_w) == ({}, 0, 0)
    assert heard.live("feeder-2").kinds == {}
    assert heard.live("feeder-2").sites == (0, 0, 0, 0, 0)


def test_a_node_that_once_had_members_is_told_of_every_closed_window_that_it_has_none():
    machine, log = running()
    machine.learn_site("c", a_site("feeder-1", devices=[a_device("load-c")]), 1)
    log.tick(NOON_MS + 2 * WINDOW_MS + GRACE_MS)

    assert hear(machine, log).windows("feeder-2")[NOON_MS + WINDOW_MS].sites_expected == 0


def test_a_closed_window_is_said_again_when_its_members_change():
    disk = Disk()
    machine, log = running(disk)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    move_a(machine)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS + 1)
    heard = hear(machine, log)

    assert sums(heard) == {"feeder-1": 20, "feeder-2": 1, "substation": 21}
    assert all(one.final for one in heard.contributions if one.window_start_ms == NOON_MS)


def test_closed_windows_before_the_change_are_not_said_again():
    disk = Disk()
    machine, log = running(disk)
    log.tick(NOON_MS + 2 * WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    move_a(machine, NOON_MS + WINDOW_MS)
    log.tick(NOON_MS + 2 * WINDOW_MS + GRACE_MS + 1)
    heard = hear(machine, log)

    assert sums(heard, NOON_MS) == {}
    assert sorted(sums(heard, NOON_MS + WINDOW_MS)) == ["feeder-1", "feeder-2", "substation"]


def test_a_change_of_a_long_past_is_said_a_few_windows_at_a_time():
    disk = Disk()
    machine, log = running(disk)
    log.tick(NOON_MS + 20 * WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    move_a(machine)
    turns = []
    for i in range(1, 7):
        log.tick(NOON_MS + 20 * WINDOW_MS + GRACE_MS + i)
        turns.append(sum(one.final and one.node == "substation" for one in hear(machine, log).contributions))

    assert turns == [4, 4, 4, 4, 4, 0]


def test_the_same_record_again_says_nothing_again():
    disk = Disk()
    machine, log = running(disk)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    machine.learn_site("a", a_site("feeder-1", devices=[a_device("load-a")]), 7)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS + 1)

    assert not any(one.final for one in hear(machine, log).contributions)


def test_a_group_that_appears_gets_the_sites_that_named_it_already():
    machine, log = running()
    machine.learn_site("a", a_site("feeder-1", "green", devices=[a_device("load-a")]), 1)
    log.tick(NOON_MS + GRACE_MS + 1)
    assert "green" not in sums(hear(machine, log))
    machine.learn_node("green", a_node("tariff", hierarchy="group"), 1)
    log.tick(NOON_MS + GRACE_MS + 2)
    heard = hear(machine, log)

    assert sums(heard)["green"] == 1
    assert {(one.level, one.hierarchy) for one in heard.contributions if one.node == "green"} == {("tariff", "group")}


def test_a_kind_that_is_corrected_moves_what_was_read_to_the_new_kind():
    machine, log = running()
    machine.learn_site("a", a_site("feeder-1", devices=[a_device("load-a", kind="pv")]), 1)
    log.tick(NOON_MS + GRACE_MS + 1)
    kinds = hear(machine, log).windows("feeder-1")[NOON_MS].kinds

    assert {kind: totals.sum_w for kind, totals in kinds.items()} == {"pv": 1, "load": 20}
