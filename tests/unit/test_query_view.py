"""What every record does to the view."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from app.domain.contracts import Edge
from app.query.rows import NODE, SITE, WINDOW, Held, dated_key, unpack
from app.query.view import View
from tests.builders import NOON_MS, a_device, a_node, a_site
from tests.query_builders import (
    QUARTER_MS,
    MemoryRows,
    Read,
    a_live,
    a_rejection,
    a_transition,
    a_twin,
    a_twin_device,
    a_view,
    a_window,
    known,
    read,
)

DAY_MS = 86_400_000


def window_of(view: View, node: str, start_ms: int = NOON_MS, kind: bytes = NODE) -> dict[str, object] | None:
    row = view.draft.get(dated_key(WINDOW, start_ms, kind, node, start_ms))
    found: dict[str, object] | None = json.loads(unpack(row).value) if row is not None else None
    return found


def test_a_higher_revision_replaces() -> None:
    view = a_view(None, a_window(power_w=1, revision=1), a_window(power_w=2, revision=2))

    assert window_of(view, "n")["kinds"]["all"]["sum_w"] == 2  # type: ignore[index]


def test_a_lower_revision_changes_nothing_and_tells_nobody() -> None:
    view = a_view(None, a_window(power_w=1, revision=2), a_live(power_w=10, revision=2), a_twin(revision=2))
    told = read(view, a_window(power_w=2, revision=1), a_live(power_w=20, revision=1), a_twin(revision=1))

    assert told == []
    assert window_of(view, "n")["kinds"]["all"]["sum_w"] == 1  # type: ignore[index]
    assert json.loads(view.aggregates.live["n"].value)["kinds"]["all"]["active_power_w"] == 10


def test_an_equal_revision_replaces() -> None:
    view = a_view(None, a_window(power_w=1, revision=1), a_window(power_w=2, revision=1), a_live(power_w=1),
                  a_live(power_w=2))  # fmt: skip

    assert window_of(view, "n")["kinds"]["all"]["sum_w"] == 2  # type: ignore[index]
    assert json.loads(view.aggregates.live["n"].value)["kinds"]["all"]["active_power_w"] == 2


def test_a_repeated_window_tells_nobody() -> None:
    view = a_view(None, a_window())

    assert read(view, a_window()) == []


def test_a_repeated_transition_tells_nobody() -> None:
    view = a_view(None, a_transition(sequence=1))

    assert [name for name, _ in read(view, a_transition(sequence=1), a_transition(sequence=2))] == ["transition"]


def test_a_restart_knows_how_old_everything_is() -> None:
    rows = MemoryRows()
    a_view(rows, a_window(at_ms=NOON_MS), a_live(as_of_ms=NOON_MS + 1, at_ms=NOON_MS + 2))
    clocks = a_view(rows).clocks

    assert (clocks.as_of_ms(), clocks.age_s(NOON_MS + 10_002)) == (NOON_MS + 1, 10.0)
    assert clocks.levels["feeder"].newest_final_window_ms == NOON_MS


def test_a_corrected_window_names_the_revision_that_it_replaced() -> None:
    view = a_view(None, a_window(revision=10))
    told = read(view, a_window(power_w=2, revision=20, status="corrected"))

    assert [(name, body["replaced_revision"]) for name, body in told] == [("correction", 10)]


def test_a_node_and_a_site_of_one_id_are_two() -> None:
    view = a_view(None, a_window("x", 1), a_window("x", 2, level="site"))

    assert window_of(view, "x")["kinds"]["all"]["sum_w"] == 1  # type: ignore[index]
    assert window_of(view, "x", kind=SITE)["kinds"]["all"]["sum_w"] == 2  # type: ignore[index]


@given(st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
def test_no_id_is_taken_for_another(names: list[str]) -> None:
    view = a_view(None, *(a_window(name, power_w=i) for i, name in enumerate(names)))

    assert [window_of(view, name)["kinds"]["all"]["sum_w"] for name in names] == [*range(len(names))]  # type: ignore[index]


RECORDS: list[Read] = [
    *(a_window("n", revision, revision=revision) for revision in (1, 2, 10)),
    *(a_live("n", revision, revision=revision) for revision in (1, 2, 10)),
    *(a_twin("s", a_twin_device("d", revision), revision=revision) for revision in (1, 2, 10)),
    *(a_transition("s", sequence=sequence) for sequence in (1, 2)),
    *(a_rejection(offset) for offset in (1, 2)),
    *known({"n": a_node("feeder"), "s": a_site("n", devices=[a_device("d")])}),
]


@given(st.randoms(use_true_random=False), st.integers(0, 10))
def test_order_and_repetition_of_messages_change_nothing(chance: random.Random, again: int) -> None:
    records = [*RECORDS, *chance.choices(RECORDS, k=again)]
    chance.shuffle(records)
    rows, expected = MemoryRows(), MemoryRows()
    a_view(rows, *records)
    a_view(expected, *RECORDS)
    replaced = {key for key in rows.rows if key[:1] == b"v"}

    assert {k: v for k, v in rows.rows.items() if k not in replaced} == {
        k: v for k, v in expected.rows.items() if k[:1] != b"v"
    }


@given(st.randoms(use_true_random=False), st.integers(0, len(RECORDS)))
def test_a_restart_anywhere_changes_nothing(chance: random.Random, cut: int) -> None:
    records = chance.sample(RECORDS, len(RECORDS))
    whole, parted = MemoryRows(), MemoryRows()
    a_view(whole, *records)
    a_view(parted, *records[:cut])
    view = a_view(parted, *records[cut:])

    assert parted.rows == whole.rows
    assert view.aggregates.live["n"].revision == 10
    assert view.rejections.summary.counts == {"too_late": 2}
    assert view.membership.parents(SITE, "s", NOON_MS) == ["n"]


def test_a_rejection_said_twice_counts_once() -> None:
    view = a_view(None, a_rejection(1), a_rejection(2, reason="future"), a_rejection(1))

    assert view.rejections.summary.counts == {"too_late": 1, "future": 1}


def test_days_beyond_the_retention_are_dropped() -> None:
    rows = MemoryRows()
    view = a_view(rows, a_window(start_ms=NOON_MS), a_transition(at_ms=NOON_MS), retention_days=2)
    read(view, a_window(start_ms=NOON_MS + 2 * DAY_MS))
    kept = window_of(view, "n")
    read(view, a_window(start_ms=NOON_MS + 3 * DAY_MS))

    assert kept is not None
    assert window_of(view, "n") is None
    assert not [key for key in rows.rows if key[:1] in b"tf"]


def test_levels_know_their_newest_final_window() -> None:
    view = a_view(None, a_window(), a_window(start_ms=NOON_MS + QUARTER_MS, status="provisional"))
    clock = view.clocks.levels["feeder"]

    assert (clock.newest_final_window_ms, clock.newest_window_ms) == (NOON_MS, NOON_MS + QUARTER_MS)


def test_a_record_that_is_none_of_ours_is_left_out() -> None:
    view = a_view(None, a_window()._replace(value=b'{"node":1}'), a_window("m"))

    assert view.unreadable == 1
    assert window_of(view, "m") is not None


def test_a_removed_site_is_below_nobody() -> None:
    view = a_view(None, *known({"n": a_node("feeder"), "s": a_site("n", devices=[])}))
    before = view.membership.below(NOON_MS).sites
    read(view, *known({"s": None}, sites=["s"]))

    assert before == {"n": ["s"]}
    assert view.membership.below(NOON_MS).sites == {}


def test_children_follow_the_instant() -> None:
    moved = a_site(Edge("a", 0, NOON_MS), Edge("b", NOON_MS), devices=[])  # type: ignore[arg-type]
    view = a_view(None, *known({"a": a_node("feeder"), "b": a_node("feeder"), "s": moved}))

    assert view.membership.below(NOON_MS - 1).sites == {"a": ["s"]}
    assert view.membership.below(NOON_MS).sites == {"b": ["s"]}


NAMES = st.sampled_from([f"n{i}" for i in range(6)])
INSTANTS = st.sampled_from([0, 1, 2, 10, 20])
EDGES = st.builds(Edge, NAMES, INSTANTS, st.none() | INSTANTS)


@given(st.dictionaries(NAMES, st.lists(EDGES, max_size=3)), st.lists(st.lists(EDGES, max_size=3), max_size=4), INSTANTS)
def test_down_is_the_inverse_of_up_at_any_instant(
    nodes: dict[str, list[Edge]], sites: list[list[Edge]], at_ms: int
) -> None:
    from app.domain.contracts import NodeRecord, SiteRecord

    records: dict[str, NodeRecord | SiteRecord | None] = {
        name: NodeRecord("feeder", "group" if name == "n5" else "grid", tuple(edges)) for name, edges in nodes.items()
    }
    records |= {f"s{i}": SiteRecord(tuple(edges), ()) for i, edges in enumerate(sites)}
    members = a_view(None, *known(records)).membership
    below = members.below(at_ms)
    families = [(NODE, name) for name in nodes] + [(SITE, f"s{i}") for i in range(len(sites))]
    up = {(family, name, parent) for family, name in families for parent in members.parents(family, name, at_ms)}
    down = {(NODE, one, parent) for parent, those in below.nodes.items() for one in those}
    down |= {(SITE, one, parent) for parent, those in below.sites.items() for one in those}

    assert down == up
    for family, name in families:
        for ancestor in members.ancestors(family, name, at_ms):
            if ancestor != name:
                assert (family, name) in {one[1:] for one in members.descendants(ancestor, at_ms, 100)}


def test_a_held_record_keeps_its_revision_and_time() -> None:
    from app.query.rows import pack

    held = Held(10, 20, b"x")

    assert unpack(pack(held)) == held
