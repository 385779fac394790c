"""What applying topology would change, and what would be wrong with it."""

from __future__ import annotations

from app.cli.topology_change import faults_of, plan, strangers
from app.dataset.format import Member
from app.domain.contracts import Edge
from app.domain.topology import Topology
from app.topics import level_topic
from tests.builders import a_device, a_node, a_site

TOPICS = {level_topic("grid")}


def a_topology() -> Topology:
    now = Topology()
    now.put_node("top", a_node("grid"))
    now.put_site("s1", a_site("top", devices=[a_device("d1")]))
    return now


def node(name: str, level: str = "grid", **more: bool) -> Member:
    return Member(type="node", id=name, level=level, hierarchy="grid", **more)


def site(name: str, *parents: str, kind: str = "load", device: str = "d1") -> Member:
    return Member(type="site", id=name, parents=tuple(map(Edge, parents)), devices=(a_device(device, kind=kind),))


def test_only_what_differs_changes() -> None:
    changes = plan(a_topology(), [node("top"), site("s1", "top"), node("new")])

    assert [change.sentence for change in changes] == ["add node new"]


def test_what_is_as_before_is_written_again_when_asked_for() -> None:
    changes = plan(a_topology(), [node("top"), site("s1", "top")], again=True)

    assert [change.sentence for change in changes] == ["write node top again", "write site s1 again"]


def test_a_change_names_the_fields_that_differ() -> None:
    changes = plan(a_topology(), [site("s1", "top", kind="pv"), node("top", level="other")])

    assert [change.sentence for change in changes] == ["change site s1: devices", "change node top: level"]


def test_a_removed_member_is_gone_from_the_result() -> None:
    now = a_topology()

    (change,) = plan(now, [node("top", removed=True)])

    assert change.sentence == "remove node top"
    assert "node 'top'" not in now.nodes
    assert faults_of(now, [], TOPICS) == ["site 's1': parent 'top' is not a node; apply that node, too"]


def test_a_valid_topology_has_no_faults() -> None:
    assert faults_of(a_topology(), [node("top")], TOPICS) == []


def test_a_level_without_a_topic_is_a_fault_told_once() -> None:
    now = a_topology()
    members = [node("v2", "village"), node("v1", "village"), node("x", "x" * 300)]
    plan(now, members)

    found = faults_of(now, members, TOPICS)

    assert found[0] == "node 'v1': level 'village' has no topic; `gridtwin topics create --levels village` makes it"
    assert found[1].startswith("node 'x': level 'xxx")
    assert len(found) == 2


def test_the_same_member_twice_and_a_member_of_no_type_are_faults() -> None:
    members = [node("top"), node("top"), Member(type="feeder", id="f")]

    found = faults_of(a_topology(), members, TOPICS)

    assert found == [
        "node 'top' is in the file twice; which one holds is not known",
        "'f' is a 'feeder'; expected node or site",
    ]


def test_one_id_for_a_node_and_a_site_is_a_fault() -> None:
    now = a_topology()
    members = [site("top", "top", device="d2")]
    plan(now, members)

    assert "'top' is a node and a site; give one of them another id" in faults_of(now, members, TOPICS)


def test_a_kind_without_an_operation_state_is_noted() -> None:
    assert strangers([site("a", kind="load"), site("b", kind="sauna"), site("c", kind="sauna")]) == ["sauna"]
