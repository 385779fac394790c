"""Up and down are inverses, at any instant, whatever the topology."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.domain.units import Milliseconds
from app.query.rows import NODE, SITE
from app.query.view import View
from tests.builders import a_device
from tests.query_asker import Asker, a_service
from tests.query_builders import a_view, known

NODES = [f"n{i}" for i in range(7)] + ["a/b", "日本", "s0"]
SITES = [f"s{i}" for i in range(5)]
HIERARCHIES = ["grid", "market", "group"]
INSTANTS = st.integers(0, 60)
DEVICES: tuple[DeviceRecord, ...] = (a_device("d"),)


@st.composite
def edges(draw: st.DrawFn) -> tuple[Edge, ...]:
    """Up to three parents, each for a while; some of them are unknown, of another hierarchy, or on a cycle."""
    found = []
    for node in draw(st.lists(st.sampled_from([*NODES, "nobody"]), max_size=3)):
        begin, length = draw(INSTANTS), draw(st.none() | st.integers(1, 40))
        end = None if length is None else Milliseconds(begin + length)
        found.append(Edge(node, Milliseconds(begin), end))
    return tuple(found)


A_NODE = st.builds(NodeRecord, level=st.just("x"), hierarchy=st.sampled_from(HIERARCHIES), parents=edges())
WORLDS = st.fixed_dictionaries({
    **{f"node {name}": A_NODE for name in NODES},
    **{f"site {name}": st.builds(SiteRecord, parents=edges(), devices=st.just(DEVICES)) for name in SITES},
})  # fmt: skip


def a_view_of(world: dict[str, NodeRecord | SiteRecord]) -> View:
    return a_view(None, *(one for name, record in world.items() for one in known({name[5:]: record})))


def members() -> list[tuple[bytes, str]]:
    return [(NODE, name) for name in NODES] + [(SITE, name) for name in SITES]


@given(world=WORLDS, at_ms=INSTANTS)
def test_a_parent_has_the_child_and_a_child_the_parent(world: dict[str, NodeRecord | SiteRecord], at_ms: int) -> None:
    held = a_view_of(world).membership
    from_below = {(above, one) for one in members() for above in held.parents(*one, at_ms)}
    from_above = {(node, (family, name)) for node in NODES for _, family, name in held.descendants(node, at_ms, 1)}

    assert from_below == from_above


@given(world=WORLDS, at_ms=INSTANTS)
def test_an_ancestor_has_the_descendant_and_a_descendant_the_ancestor(
    world: dict[str, NodeRecord | SiteRecord], at_ms: int
) -> None:
    held = a_view_of(world).membership
    from_below = {(above, one) for one in members() for above in held.ancestors(*one, at_ms)}
    below = [(node, (family, name)) for node in NODES for _, family, name in held.descendants(node, at_ms, 100)]

    assert from_below == set(below)
    assert len(below) == len(set(below))


@settings(max_examples=5)
@given(world=WORLDS, at_ms=INSTANTS)
def test_what_is_asked_over_http_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, world: dict[str, NodeRecord | SiteRecord], at_ms: int
) -> None:
    records = [one for name, record in world.items() for one in known({name[5:]: record})]
    asker = Asker(a_service(tmp_path_factory.mktemp("navigation"), *records))
    held = asker.service.view.membership
    for family, name in members():
        kind = "node" if family == NODE else "site"
        found = asyncio.run(asker.json(f"/v1/{kind}s/{quote(name, safe='')}/ancestors?as_of={at_ms}"))

        assert [one["id"] for one in found["items"]] == held.ancestors(family, name, at_ms)
