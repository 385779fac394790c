"""What a number is made of, what a site does now, what storage can do."""

from __future__ import annotations

import pytest

from app.domain.contracts import NodeRecord, SiteRecord
from app.query.explain import explain_live, explain_window
from app.query.flexibility import Flexibility, flexibility_of
from app.query.members import describe, site_live
from app.query.problems import ProblemError
from app.query.rows import NODE, SITE
from app.query.view import View
from tests.builders import NOON_MS, a_device, a_node, a_site
from tests.query_builders import a_live, a_transition, a_twin, a_twin_device, a_view, a_window, known, read

MINUTE_MS = 60_000
WORLD: dict[str, NodeRecord | SiteRecord | None] = {
    "top": a_node("region"),
    "n": a_node("feeder", "top"),
    "s1": a_site("n", devices=[a_device("d1"), a_device("d2", kind="pv")]),
    "s2": a_site("n", devices=[a_device("b", kind="battery", rated_w=1000, capacity_wh=2000)]),
}


def a_world(*records: object) -> View:
    view = a_view(None, *known(WORLD))
    read(view, *records)  # type: ignore[arg-type]
    return view


def test_a_site_does_what_its_fresh_devices_do() -> None:
    view = a_world(a_twin("s1", a_twin_device("d1", 10), a_twin_device("d2", -100)))
    live = site_live(view, "s1")

    assert live is not None
    assert (live.active_power_w, live.import_w, live.export_w, live.state) == (-90, 10, 100, "complete")


def test_a_silent_device_is_stale_as_its_partitions_time_goes_on() -> None:
    twin = a_twin("s1", a_twin_device("d1", 10), a_twin_device("d2", 2, at_ms=NOON_MS + 2 * MINUTE_MS))
    view = a_world(twin, a_transition("other", at_ms=NOON_MS + 4 * MINUTE_MS))
    live = site_live(view, "s1")

    assert live is not None
    assert (live.active_power_w, live.stale_power_w, live.state) == (2, 10, "partial")


def test_a_site_never_heard_has_no_live_value() -> None:
    assert describe(a_world(), SITE, "s1", NOON_MS).live is None


def test_a_node_knows_its_parents_and_how_many_are_below() -> None:
    member = describe(a_world(a_live("n", 5)), NODE, "n", NOON_MS)

    assert (member.parents, member.nodes, member.sites) == (["top"], 0, 2)
    assert member.live is not None
    assert member.live.active_power_w == 5


def test_a_window_is_the_sum_of_its_children() -> None:
    view = a_world(a_window("n", 30), a_window("s1", 10, level="site"), a_window("s2", 20, level="site"))
    found = explain_window(view, "n", NOON_MS, 10)

    assert [(part.id, part.power_w) for part in found.children] == [("s1", 10), ("s2", 20)]
    assert (found.power_w, found.children_power_w, found.difference_w, found.missing) == (30, 30, 0, [])


def test_what_said_nothing_is_missing() -> None:
    view = a_world(a_window("n", 10, reporting=1, expected=2), a_window("s1", 10, level="site"))

    assert [(one.id, one.reason) for one in explain_window(view, "n", NOON_MS, 10).missing] == [
        ("s2", "nothing was heard of it")
    ]


def test_revisions_are_told_from_the_first_final_one_on() -> None:
    view = a_world(a_window("n", 1, revision=1, status="provisional"), a_window("n", 2, revision=2),
                   a_window("n", 10, revision=10, status="corrected"),
                   a_window("n", 20, revision=20, status="corrected"))  # fmt: skip
    steps = [(one.revision, one.replaced_revision, one.power_w)
             for one in explain_window(view, "n", NOON_MS, 10).revisions]  # fmt: skip

    assert steps == [(2, None, 2), (10, 2, 10), (20, 10, 20)]


def test_a_live_value_names_devices() -> None:
    view = a_world(a_live("n", 10), a_twin("s1", a_twin_device("d1", 10)))
    found = explain_live(view, "n", 10)
    devices = [(one.device, one.active_power_w, one.is_fresh) for one in found.children[0].devices]

    assert devices == [("d1", 10, True), ("d2", None, False)]
    assert {one.id for one in found.missing} == {"s1", "s2"}


def test_more_children_than_allowed_are_cut_and_that_is_said() -> None:
    assert explain_live(a_world(a_live("n", 10)), "n", 1).is_cut


def test_a_node_without_a_value_is_not_explained() -> None:
    with pytest.raises(ProblemError):
        explain_live(a_world(), "n", 10)


def stored(wh: int, *, at_ms: int = NOON_MS) -> object:
    return a_twin("s2", a_twin_device("b", kind="battery", stored_wh=wh, at_ms=at_ms))


@pytest.mark.parametrize(
    ("wh", "charge_w", "discharge_w"), [(1000, 1000, 1000), (100, 1000, 400), (1900, 400, 1000), (0, 1000, 0)]
)
def test_committable_power_lasts_a_window(wh: int, charge_w: int, discharge_w: int) -> None:
    found = flexibility_of(a_world(a_live("top"), stored(wh)), "top").committable

    assert (found.charge_power_w, found.discharge_power_w) == (charge_w, discharge_w)


def test_a_stale_battery_is_estimated_and_not_committable() -> None:
    later = a_live("top", as_of_ms=NOON_MS + 3 * MINUTE_MS)
    found = flexibility_of(a_world(later, stored(500)), "top")

    assert found.estimated == Flexibility(1000, 1000, 1500, 500, 90.0, 30.0, 500, 2000)
    assert (found.committable.discharge_power_w, found.committable.minutes_discharging) == (0, None)
    assert (found.devices.fresh, found.devices.stale) == (0, 1)


def test_a_battery_never_heard_adds_nothing() -> None:
    found = flexibility_of(a_world(a_live("top")), "top")

    assert (found.estimated.usable_capacity_wh, found.devices.never) == (0, 1)


def test_reported_is_what_the_live_record_says() -> None:
    found = flexibility_of(a_world(a_live("top")), "top").reported

    assert found == Flexibility(20, 30, 9, 1, 27.0, 2.0, 1, 10)
