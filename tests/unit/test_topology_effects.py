"""From when on a change of topology makes a difference: nothing before that has to be said again."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.contracts import Edge, SiteRecord
from app.domain.topology import Topology, earliest_effect_ms, earliest_node_effect_ms
from tests.builders import a_device, a_node, a_site

HOME = a_site("feeder", devices=[a_device("d")])


def moved(at_ms: int) -> SiteRecord:
    return a_site(Edge("feeder", 0, at_ms), Edge("other", at_ms), devices=[a_device("d")])


@pytest.mark.parametrize(
    ("new", "from_ms"),
    [
        (HOME, None),
        (moved(100), 100),
        (a_site("feeder", devices=[a_device("d", to_ms=200)]), 200),
        (a_site("feeder", devices=[a_device("d", rated_w=1)]), 0),
        (a_site("other", devices=[a_device("d")]), 0),
        (None, 0),
    ],
)
def test_a_site_changes_from_the_first_instant_at_which_its_records_differ(new, from_ms):
    assert earliest_effect_ms(HOME, new) == from_ms
    assert earliest_effect_ms(new, HOME) == from_ms


def test_a_device_makes_a_difference_from_when_it_is_valid_but_everywhere_when_it_is_gone():
    both = a_site("feeder", devices=[a_device("d"), a_device("e", from_ms=20)])

    assert earliest_effect_ms(HOME, both) == 20
    assert earliest_effect_ms(both, HOME) == 0


def test_an_end_that_is_moved_makes_a_difference_from_the_earlier_end():
    assert earliest_effect_ms(moved(100), moved(200)) == 100


def test_a_site_that_is_new_changes_from_its_first_membership():
    assert earliest_effect_ms(None, a_site(Edge("feeder", 100), devices=[a_device("d", from_ms=200)])) == 100


def test_where_a_site_lies_changes_no_total():
    assert earliest_effect_ms(HOME, msgspec.structs.replace(HOME, location=(1.0, 2.0))) is None


def test_a_node_that_gets_another_level_changes_from_the_beginning():
    assert earliest_node_effect_ms(a_node("feeder"), a_node("street")) == 0
    assert earliest_node_effect_ms(a_node("feeder"), a_node("feeder")) is None
    assert earliest_node_effect_ms(None, a_node("feeder")) == 0


EDGES = st.lists(
    st.builds(
        lambda node, start, length: Edge(node, start, None if length is None else start + length),
        st.sampled_from(["n1", "n2"]),
        st.integers(0, 5),
        st.none() | st.integers(1, 5),
    ),
    max_size=2,
)
SITES = st.builds(lambda edges: a_site(*edges, devices=[]), EDGES)


@given(SITES, SITES)
@example(a_site(devices=[]), a_site(Edge("n2"), Edge("n2", 0, 1), devices=[]))
def test_before_the_first_effect_a_site_has_the_same_nodes_above_it(old, new):
    topologies = [Topology(), Topology()]
    for topology, record in zip(topologies, (old, new), strict=True):
        topology.put_node("n1", a_node("feeder"))
        topology.put_node("n2", a_node("feeder"))
        topology.put_site("s", record)
    differs = [at_ms for at_ms in range(12) if len({one.ancestors("s", at_ms) for one in topologies}) == 2]
    first_ms = earliest_effect_ms(old, new)

    assert not differs or (first_ms is not None and first_ms <= differs[0])
