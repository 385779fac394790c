"""Every fault of a topology is printed, not just the first."""

import pytest

from app.domain.contracts import Edge, NodeRecord, SiteRecord
from app.domain.topology_faults import faults
from tests.builders import a_device, a_node, a_site
from tests.unit.test_topology import a_topology

SOUND = {
    "fleet": a_node("fleet"),
    "feeder": a_node("feeder", "fleet"),
    "green": a_node("tariff", hierarchy="group"),
    "blue": a_node("tariff", hierarchy="group"),
    "s": a_site("feeder", "green", "blue", devices=[a_device("d")]),
}


def with_device(**fields: object) -> dict[str, SiteRecord]:
    return {"s": a_site("feeder", devices=[a_device(**{"name": "d"} | fields)])}


def in_group(*edges: Edge) -> dict[str, SiteRecord]:
    return {"s": a_site(*edges, devices=[a_device("d")])}


FAULTY = {
    "a node without an id": ({"": a_node("feeder")}, "a node has an empty id"),
    "a node without a level": ({"n": a_node("")}, "node 'n': level '' is empty or reserved"),
    "a node on the level of sites": ({"n": a_node("site")}, "node 'n': level 'site' is empty or reserved"),
    "a node without a hierarchy": ({"n": a_node("feeder", hierarchy="")}, "node 'n': hierarchy is empty"),
    "an unknown parent of a node": ({"n": a_node("feeder", "x")}, "node 'n': parent 'x' is not a node"),
    "a parent in another hierarchy": ({"n": a_node("feeder", "green")}, "node 'n': parent 'green' is in hierarchy"),
    "two parents of a node": ({"n": a_node("street", "feeder", "fleet")}, "'feeder' and 'fleet' are both parents"),
    "a cycle": ({"fleet": a_node("fleet", "feeder")}, "cycle: feeder -> fleet -> feeder"),
    "a node above itself": ({"n": a_node("feeder", "n")}, "cycle: n -> n"),
    "a node's membership that ends before it begins": (
        {"n": NodeRecord("street", "grid", (Edge("feeder", 20, 10),))},
        "node 'n': membership in 'feeder' ends at 10, not after 20",
    ),
    "a site without an id": ({"": a_site("feeder", devices=[])}, "a site has an empty id"),
    "a site without a parent": ({"s": a_site(devices=[a_device("d")])}, "site 's' has no parent"),
    "an unknown parent of a site": (in_group(Edge("x")), "site 's': parent 'x' is not a node"),
    "two parents of a site": (in_group(Edge("feeder"), Edge("fleet")), "are both parents in hierarchy 'grid'"),
    "parents that overlap by a millisecond": (
        in_group(Edge("feeder", 0, 101), Edge("fleet", 100)),
        "are both parents in hierarchy 'grid'",
    ),
    "an empty membership": (in_group(Edge("feeder", 10, 10)), "membership in 'feeder' ends at 10, not after 10"),
    "a device without an id": (with_device(name=""), "site 's': a device has an empty id"),
    "a kind that is not a word": (with_device(kind="PV roof"), "kind 'PV roof' is not a lower-case word"),
    "a rated power below 0": (with_device(rated_w=-1), "rated_power_w is -1"),
    "an interval of none": (with_device(interval_s=0), "reporting_interval_s is 0; expected 1 to 86400"),
    "an interval of more than a day": (with_device(interval_s=86_401), "reporting_interval_s is 86401"),
    "a device that ends before it begins": (with_device(from_ms=20, to_ms=10), "valid until 10, not after 20"),
    "a device at two sites": (
        {"t": a_site("feeder", devices=[a_device("d")])},
        "device 'd' is at site 's' and at site 't' at one time",
    ),
    "a device twice at one site, one after the other": (
        {"s": a_site("feeder", devices=[a_device("d", to_ms=100), a_device("d", from_ms=100)])},
        "device 'd' is at site 's' twice; only the first is used",
    ),
    "a device twice at one site": (
        {"s": a_site("feeder", devices=[a_device("d"), a_device("d", rated_w=1)])},
        "device 'd' is at site 's' twice; only the first is used",
    ),
}


def test_a_sound_topology_has_no_fault():
    assert faults(a_topology(SOUND)) == []


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_told_in_one_sentence_that_names_its_subject(name):
    records, sentence = FAULTY[name]
    found = faults(a_topology(SOUND | records))

    assert [one for one in found if sentence in one], found
    assert len(found) == 1, found


def test_every_fault_is_printed_each_once_and_in_order():
    records = {
        "n": a_node("site", "x"),
        "s": a_site("y", devices=[a_device("", kind="A"), a_device("e", interval_s=0)]),
    }
    found = faults(a_topology(SOUND | records))

    assert len(found) == 6
    assert found == sorted(set(found))


def test_memberships_that_follow_each_other_do_not_overlap():
    assert faults(a_topology(SOUND | in_group(Edge("feeder", 0, 100), Edge("fleet", 100)))) == []


def test_a_device_may_move_to_another_site():
    records = {
        "s": a_site("feeder", devices=[a_device("d", to_ms=100)]),
        "t": a_site("feeder", devices=[a_device("d", from_ms=100)]),
    }

    assert faults(a_topology(SOUND | records)) == []


def test_a_cycle_that_begins_later_is_found():
    later = {"fleet": NodeRecord("fleet", "grid", (Edge("feeder", 100),))}

    assert faults(a_topology(SOUND | later)) == ["cycle: feeder -> fleet -> feeder; a node cannot be above itself"]


@pytest.mark.parametrize("kind", ["pv", "toaster", "ev_charger2"])
def test_any_lower_case_word_is_a_kind(kind):
    assert faults(a_topology(SOUND | with_device(kind=kind))) == []


def test_a_device_that_many_sites_claim_is_one_fault_for_each_of_them_but_the_first() -> None:
    sites = {f"s{number}": a_site("feeder", devices=[a_device("d")]) for number in range(100)}
    found = [fault for fault in faults(a_topology(sites)) if fault.startswith("device 'd'")]

    assert len(found) == 99
