"""Who is above whom, when: a function of the set of latest records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.contracts import Edge, NodeRecord, SiteRecord
from app.domain.topology import Topology
from app.domain.topology_faults import faults
from tests.builders import NOON_MS, a_device, a_node, a_site


def a_topology(records: dict[str, NodeRecord | SiteRecord]) -> Topology:
    topology = Topology()
    for name, record in records.items():
        if isinstance(record, NodeRecord):
            topology.put_node(name, record)
        else:
            topology.put_site(name, record)
    return topology


def a_home(*parents: str | Edge) -> SiteRecord:
    return a_site(*parents, devices=[a_device("d")])


TREE = {
    "fleet": a_node("fleet"),
    "region": a_node("region", "fleet"),
    "feeder": a_node("feeder", "region"),
    "loose": a_node("feeder"),
    "green": a_node("tariff", hierarchy="group"),
    "north": a_node("area", hierarchy="group"),
    "coast": a_node("area", "north", hierarchy="group"),
    "market": a_node("market", hierarchy="trade"),
    "deep": a_home("feeder"),
    "shallow": a_home("fleet"),
    "lonely": a_home("loose"),
    "member": a_home("feeder", "green", "coast", "north", "market"),
    "stray": a_home("nowhere"),
}


@pytest.mark.parametrize(
    ("site", "above"),
    [
        ("deep", {"feeder", "region", "fleet"}),
        ("shallow", {"fleet"}),
        ("lonely", {"loose"}),
        ("stray", set()),
        ("nobody", set()),
    ],
)
def test_a_tree_may_be_ragged(site, above):
    assert set(a_topology(TREE).ancestors(site, NOON_MS)) == above


def test_a_site_may_be_in_several_hierarchies_and_in_groups_that_overlap_and_counts_in_each_node_once():
    above = a_topology(TREE).ancestors("member", NOON_MS)

    assert sorted(above) == ["coast", "feeder", "fleet", "green", "market", "north", "region"]


def test_an_edge_to_an_unknown_node_is_ignored_and_heals():
    topology = a_topology(TREE)
    topology.put_node("nowhere", a_node("feeder", "fleet"))

    assert topology.ancestors("stray", NOON_MS) == ("fleet", "nowhere")


def test_of_two_parents_in_one_hierarchy_the_one_that_was_there_first_holds():
    topology = a_topology(TREE | {"torn": a_home(Edge("feeder", 20), Edge("loose", 10))})

    assert topology.ancestors("torn", NOON_MS) == ("loose",)


def test_a_parent_of_a_node_is_in_its_own_hierarchy():
    topology = a_topology(TREE | {"market": a_node("market", "fleet", hierarchy="trade")})

    assert "fleet" not in topology.ancestors("member", NOON_MS)[:1]
    assert topology.above("market", NOON_MS) == ()


def test_edges_of_a_cycle_are_not_followed_and_what_hangs_below_keeps_its_parent():
    ring = {
        "one": a_node("ring", "two"),
        "two": a_node("ring", "three"),
        "three": a_node("ring", "one"),
        "below": a_node("leaf", "two"),
        "on": a_home("one"),
        "under": a_home("below"),
    }
    topology = a_topology(ring)

    assert topology.ancestors("on", NOON_MS) == ("one",)
    assert topology.ancestors("under", NOON_MS) == ("below", "two")
    topology.put_node("three", a_node("ring"))
    assert topology.ancestors("on", NOON_MS) == ("one", "three", "two")


def test_a_node_is_not_above_itself():
    topology = a_topology({"self": a_node("ring", "self"), "s": a_home("self")})

    assert topology.ancestors("s", NOON_MS) == ("self",)


@pytest.mark.parametrize(
    ("at_ms", "parent"), [(99, ()), (100, ("feeder-1",)), (199, ("feeder-1",)), (200, ("feeder-2",))]
)
def test_membership_is_as_of_a_time_in_half_open_intervals(at_ms, parent):
    edges = [Edge("feeder-1", 100, 200), Edge("feeder-2", 200)]
    topology = a_topology({"feeder-1": a_node("feeder"), "feeder-2": a_node("feeder"), "s": a_home(*edges)})

    assert topology.ancestors("s", at_ms) == parent


def test_a_node_moves_with_everything_below_it():
    moving = NodeRecord("feeder", "grid", (Edge("east", 0, 100), Edge("west", 100)))
    topology = a_topology({"east": a_node("area"), "west": a_node("area"), "f": moving, "s": a_home("f")})

    assert [topology.ancestors("s", at_ms) for at_ms in (99, 100)] == [("east", "f"), ("f", "west")]


def test_between_two_breakpoints_nothing_changes():
    record = a_site(Edge("feeder", 100, 300), devices=[a_device("d", from_ms=200, to_ms=400)])
    topology = a_topology({"feeder": a_node("feeder"), "s": record})

    assert topology.breakpoints == [100, 200, 300, 400]
    assert [topology.epoch_of(at_ms) for at_ms in (0, 99, 100, 199, 200, 400)] == [0, 0, 1, 1, 2, 4]


def test_a_tombstone_removes_a_site_and_a_node():
    topology = a_topology(TREE)
    topology.put_site("shallow", None)
    topology.put_node("region", None)

    assert topology.ancestors("shallow", NOON_MS) == ()
    assert topology.ancestors("deep", NOON_MS) == ("feeder",)


NAMES = ["n1", "n2", "n3", "n4", "missing"]
EDGES = st.lists(
    st.builds(
        lambda node, start, length: Edge(node, start, None if length is None else start + length),
        st.sampled_from(NAMES),
        st.sampled_from([0, 10, 20]),
        st.sampled_from([None, 5, 10, 20]),
    ),
    max_size=3,
)
NODES = st.builds(
    lambda hierarchy, parents: NodeRecord("level", hierarchy, tuple(parents)),
    st.sampled_from(["grid", "group"]),
    EDGES,
)
SITES = st.builds(lambda parents: a_home(*parents), EDGES)
SETS = st.fixed_dictionaries(dict.fromkeys(NAMES[:4], NODES) | dict.fromkeys(["s1", "s2"], SITES))


def everything(topology: Topology) -> list[object]:
    instants = [0, 5, 10, 15, 20, 25, 30, 40]
    return [[topology.ancestors(site, at_ms) for site in ("s1", "s2") for at_ms in instants], faults(topology)]


@given(SETS, SETS, st.randoms(use_true_random=False))
def test_what_is_valid_is_a_function_of_the_set_whatever_order_it_came_in(records, older, chance):
    straight = a_topology(records)
    names = sorted(records)
    chance.shuffle(names)
    history = {name: older[name] for name in names if chance.random() < 0.5}
    crooked = a_topology(history)
    everything(crooked)
    for name in names:
        put = crooked.put_node if name in NAMES else crooked.put_site
        put(name, None)
        put(name, records[name])

    assert everything(crooked) == everything(straight)


@given(SETS, st.sampled_from([0, 10, 20, 30]))
def test_at_one_time_every_node_is_above_a_site_at_most_once(records, at_ms):
    topology = a_topology(records)

    for site in ("s1", "s2"):
        above = topology.ancestors(site, at_ms)
        assert len(set(above)) == len(above)
        direct = list(topology.site_parents(topology.sites[site], at_ms))
        assert len([one for one in direct if topology.nodes[one].hierarchy == "grid"]) <= 1
