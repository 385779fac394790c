"""What every node does now; the sums are kept by differences and equal what adding up anew would give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contracts import Edge
from app.domain.entry import NEVER
from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, hear, some_rules

S = 1_000
STALE_MS = 180 * S


def a_plant(*devices, **rules):
    return a_partition(some_rules(**rules), Disk(), {"n": a_node("feeder"), "s": a_site("n", devices=devices)})


def live(machine, log, node: str = "n"):
    return hear(machine, log).live(node)


def battery(**more: int):
    return a_device("b", kind="battery", rated_w=5_000, capacity_wh=100, **more)


def test_a_fresh_device_counts_in_power_import_and_export():
    machine, log = a_plant(a_device("u"), a_device("v"), a_device("w")), Log()
    for device, power_w in (("u", 100), ("v", -20), ("w", 1)):
        log.say("s", device, NOON_MS, power_w)
    kind = live(machine, log).kinds["load"]

    assert (kind.active_power_w, kind.import_w, kind.export_w) == (81, 101, 20)
    assert (kind.devices_fresh, kind.rated_power_w, kind.stale_rated_power_w) == (3, 30_000, 0)


@pytest.mark.parametrize(("silence_ms", "fresh"), [(STALE_MS - 1, 1), (STALE_MS, 0)])
def test_a_silent_device_becomes_stale_after_three_intervals_without_a_message(silence_ms, fresh):
    machine, log = a_plant(a_device("u")), Log()
    log.say("s", "u", NOON_MS, 100)
    hear(machine, log)
    log.tick(NOON_MS + silence_ms)
    machine.apply(log.records, settled=True)
    machine.state.live.say_everything()
    kind = live(machine, log).kinds["load"]

    assert (kind.devices_fresh, kind.devices_stale) == (fresh, 1 - fresh)
    assert (kind.active_power_w, kind.stale_power_w) == (100 * fresh, 100 * (1 - fresh))
    assert (kind.rated_power_w, kind.stale_rated_power_w) == (10_000, 10_000 * (1 - fresh))


def test_a_device_that_becomes_stale_is_said_without_being_asked():
    machine, log = a_plant(a_device("u")), Log()
    log.say("s", "u", NOON_MS, 100)
    hear(machine, log)
    log.tick(NOON_MS + STALE_MS)

    assert live(machine, log).kinds["load"].devices_stale == 1


def test_each_device_becomes_stale_after_its_own_interval():
    machine, log = a_plant(a_device("slow", interval_s=600), a_device("fast", interval_s=10)), Log()
    log.say("s", "slow", NOON_MS, 1)
    log.say("s", "fast", NOON_MS, 20)
    hear(machine, log)
    stale = []
    for second in (30, 1_799, 1_800):
        log.tick(NOON_MS + second * S)
        machine.apply(log.records, settled=True)
        machine.state.live.say_everything()
        stale.append(live(machine, log).kinds["load"].stale_power_w)

    assert stale == [20, 20, 21]


def test_a_kind_may_stay_fresh_for_longer():
    machine, log = a_plant(a_device("m", kind="meter"), fresh_intervals_by_kind={"meter": 10}), Log()
    log.say("s", "m", NOON_MS, 1)
    log.tick(NOON_MS + STALE_MS)

    assert live(machine, log).kinds["meter"].devices_fresh == 1


def test_a_kind_may_be_stale_before_its_site_is_delayed():
    machine, log = a_plant(a_device("m", kind="meter"), fresh_intervals_by_kind={"meter": 1}), Log()
    log.say("s", "m", NOON_MS, 5)
    before = live(machine, log)
    log.tick(NOON_MS + STALE_MS // 3)
    after = live(machine, log)

    assert after.sites == before.sites
    assert (before.kinds["meter"].devices_fresh, after.kinds["meter"].devices_stale) == (1, 1)
    assert after.kinds["meter"].stale_power_w == 5


def test_an_outage_makes_no_device_stale():
    machine, log = a_plant(a_device("u"), attended_gap_ms=10 * S, tick_ms=S), Log()
    log.say("s", "u", NOON_MS, 1)
    log.tick(NOON_MS + 5_000 * S)

    assert live(machine, log).kinds["load"].devices_fresh == 1


def test_a_device_that_was_never_heard_is_neither_zero_nor_stale():
    machine, log = a_plant(a_device("u"), a_device("v")), Log()
    log.say("s", "u", NOON_MS, 0)
    kind = live(machine, log).kinds["load"]

    assert (kind.devices_fresh, kind.devices_stale, kind.devices_never) == (1, 0, 1)
    assert kind.rated_power_w == 20_000


def test_a_latest_reading_that_is_old_on_arrival_is_stale():
    machine, log = a_plant(a_device("u")), Log()
    log.say("s", "u", NOON_MS, 1, arrived_ms=NOON_MS + STALE_MS)

    assert live(machine, log).kinds["load"].devices_stale == 1


@pytest.mark.parametrize(
    ("soc_wh", "charge_w", "discharge_w"), [(0, 5_000, 0), (1, 5_000, 5_000), (99, 5_000, 5_000), (100, 0, 5_000)]
)
def test_a_fresh_storage_offers_what_its_state_of_charge_allows(soc_wh, charge_w, discharge_w):
    machine, log = a_plant(battery()), Log()
    log.say("s", "b", NOON_MS, 1, state_of_charge_wh=soc_wh)

    assert live(machine, log).storage == (soc_wh, 100, charge_w, discharge_w)


def test_a_stale_storage_offers_nothing():
    machine, log = a_plant(battery()), Log()
    log.say("s", "b", NOON_MS, 1, state_of_charge_wh=50)
    log.tick(NOON_MS + STALE_MS)

    assert live(machine, log).storage == (0, 0, 0, 0)


def test_a_storage_that_only_charges_is_said_and_one_that_says_the_same_is_not():
    machine, log = a_plant(battery()), Log()
    for at_ms, soc_wh, power_w in ((0, 50, 7), (S, 60, 7), (2 * S, 60, 7), (3 * S, 60, -7)):
        log.say("s", "b", NOON_MS + at_ms, power_w, state_of_charge_wh=soc_wh)
        heard = hear(machine, log)
        if at_ms == 2 * S:
            assert not [one for one in heard.contributions if one.live is not None]
        else:
            assert heard.live("n").storage[0] == soc_wh
    kind = heard.live("n").kinds["battery"]

    assert (kind.active_power_w, kind.import_w, kind.export_w) == (-7, 0, 7)


def test_sites_are_counted_by_their_connectivity():
    topology = {"n": a_node("feeder")} | {name: a_site("n", devices=[a_device(f"d-{name}")]) for name in "abc"}
    machine, log = a_partition(some_rules(), Disk(), topology), Log()
    log.say("a", "d-a", NOON_MS, 1)
    log.say("b", "d-b", NOON_MS + 170 * S, 1)
    log.tick(NOON_MS + STALE_MS)
    online, delayed, recovering, offline, never_seen = live(machine, log).sites

    assert (online, delayed, recovering, offline, never_seen) == (1, 1, 0, 0, 1)


def test_a_turn_before_the_first_record_says_nothing_and_forgets_nobody():
    machine, log = a_plant(a_device("u")), Log()

    assert hear(machine, log).contributions == []
    log.tick(NOON_MS)
    assert live(machine, log).sites == (0, 0, 0, 0, 1)


def test_members_now_are_those_of_stream_time_without_a_message():
    site = a_site(Edge("n", 0, NOON_MS + 100 * S), Edge("m", NOON_MS + 100 * S), devices=[a_device("u")])
    topology = {"n": a_node("feeder"), "m": a_node("feeder"), "s": site}
    machine, log = a_partition(some_rules(), Disk(), topology), Log()
    log.say("s", "u", NOON_MS, 1)
    hear(machine, log)
    log.tick(NOON_MS + 100 * S)
    heard = hear(machine, log)

    assert heard.live("n").kinds == {}
    assert heard.live("m").kinds["load"].active_power_w == 1


def test_a_device_that_is_no_longer_valid_is_in_no_total():
    machine, log = a_plant(a_device("u", to_ms=NOON_MS + 100 * S)), Log()
    log.say("s", "u", NOON_MS, 1)
    log.tick(NOON_MS + 100 * S)

    assert live(machine, log).kinds == {}


SITES = {
    "a": a_site("n1", "g", devices=[a_device("a1", interval_s=10), a_device("a2", kind="pv", interval_s=30)]),
    "b": a_site("n1", devices=[battery(interval_s=20)]),
    "c": a_site("n2", "g", devices=[a_device("c1", interval_s=60)]),
}
MOVED = {name: a_site("n2", devices=site.devices) for name, site in SITES.items()}
NODES = {"top": a_node("top"), "n1": a_node("f", "top"), "n2": a_node("f", "top"), "g": a_node("t", hierarchy="group")}
DEVICES = [(name, one.device) for name, site in SITES.items() for one in site.devices]
STEPS = st.lists(
    st.tuples(st.integers(0, 100), st.sampled_from([*DEVICES, "tick", "move", "say"]), st.integers(-99, 99)),
    min_size=1,
    max_size=25,
)


def added_up_anew(machine) -> dict[str, list[int]]:
    """Add up every device below every node: fresh power, stale power, fresh, stale, never, import, export, stored."""
    state, found = machine.state, {}
    for site in state.sites.values():
        for node in state.topology.ancestors(site.name, state.clock.stream_ms):
            sums = found.setdefault(node, [0] * 8)
            for device in site.devices:
                silence_ms = state.clock.attended_ms - device.latest_attended_ms
                is_fresh = silence_ms < 3 * device.record.reporting_interval_s * S
                which = 4 if device.measured_ms == NEVER else 2 if is_fresh else 3
                sums[which] += 1
                if which < 4:
                    sums[which - 2] += device.active_power_w
                if which == 2:
                    sums[5] += max(device.active_power_w, 0)
                    sums[6] += max(-device.active_power_w, 0)
                    sums[7] += device.state_of_charge_wh if device.record.usable_capacity_wh else 0
    return found


def as_said(totals) -> list[int]:
    """Return the same numbers of a live value."""
    columns = [
        [
            kind.active_power_w, kind.stale_power_w, kind.devices_fresh, kind.devices_stale, kind.devices_never,
            kind.import_w, kind.export_w,
        ]
        for kind in totals.kinds.values()
    ]  # fmt: skip
    return [*(sum(column) for column in zip([0] * 7, *columns, strict=True)), totals.storage[0]]


@given(STEPS)
def test_live_sums_equal_adding_everything_up_anew(steps):
    machine, log = a_partition(some_rules(), Disk(), NODES | SITES), Log()
    now_ms, said = NOON_MS, {}
    for step_s, what, power_w in [*steps, (1, "tick", 0), (0, "say", 0)]:
        now_ms += step_s * S
        if what == "move":
            name = "abc"[power_w % 3]
            machine.learn_site(name, MOVED[name] if power_w > 0 else SITES[name], len(log.records))
        elif what == "tick":
            log.tick(now_ms)
        elif what == "say":
            said |= {one.node: one.live for one in hear(machine, log).contributions if one.live is not None}
        else:
            log.say(*what, now_ms, power_w, state_of_charge_wh=abs(power_w))
    truth = added_up_anew(machine)

    for node, totals in said.items():
        assert as_said(totals) == truth.get(node, [0] * 8), node
    assert set(truth) <= set(said)
