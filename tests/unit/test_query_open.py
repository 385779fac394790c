"""A site's open windows, as the twin changelog has them, are what the window will be when it closes now."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from app.domain.site_rows import SITE_TABLE
from app.query.view import View
from app.topics import TWIN_CHANGELOG
from tests.builders import NOON_MS, Disk, Log, a_device, a_site, a_village, flush, hear, learn, some_rules, the_village
from tests.query_builders import MemoryRows, Read, a_view, known, read

MINUTE_MS, WINDOW_MS, GRACE_MS = 60_000, 900_000, 120_000
HOME = {"a": a_site("feeder-1", devices=[a_device("load-a"), a_device("pv-a", kind="pv", interval_s=900)])}


def changelog(disk: Disk) -> list[Read]:
    return [Read(TWIN_CHANGELOG, key, row) for key, row in disk.tables[SITE_TABLE].items()]


def a_half_heard_village() -> tuple[Any, Log, Disk]:
    disk = Disk()
    machine, log = a_village(disk), Log()
    learn(machine, HOME)  # type: ignore[arg-type]
    log.tick(NOON_MS + GRACE_MS)
    for minute in range(3):
        log.say("a", "load-a", NOON_MS + GRACE_MS + minute * MINUTE_MS, 10**minute)
    log.say("a", "pv-a", NOON_MS + GRACE_MS + MINUTE_MS, -200)
    hear(machine, log)
    flush(machine, disk)
    return machine, log, disk


def open_windows(view: View) -> list[dict[str, Any]]:
    site = view.membership.topology.sites["a"]
    closed_ms = view.clocks.closed_ms("twin", 0) or 0
    found = view.checkpoints.open_windows("a", site, some_rules(), closed_ms)
    return [json.loads(msgspec.json.encode(one)) for one in found]


def test_an_open_window_is_what_it_will_be_when_it_closes() -> None:
    machine, log, disk = a_half_heard_village()
    view = a_view(None, *known({**the_village(), **HOME}), *changelog(disk))
    before = open_windows(view)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    closed = hear(machine, log).site_windows[f"a|{NOON_MS}"]

    assert [one["start_ms"] for one in before] == [NOON_MS]
    assert before[0]["kinds"] == closed["kinds"]
    assert {one["device"]: (one["readings"], one["sum_w"]) for one in before[0]["devices"]} == {
        "load-a": (3, 111), "pv-a": (1, -200),
    }  # fmt: skip


def test_a_closed_window_is_not_open_though_the_site_s_row_still_holds_it() -> None:
    machine, log, disk = a_half_heard_village()
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    view = a_view(None, *known({**the_village(), **HOME}), *changelog(disk))
    flush(machine, disk)
    read(view, *changelog(disk))

    assert open_windows(view) == []
    assert view.clocks.closed_ms("twin", 0) == NOON_MS + WINDOW_MS


def test_a_row_of_a_lower_version_changes_nothing() -> None:
    machine, log, disk = a_half_heard_village()
    old = changelog(disk)
    log.say("a", "load-a", NOON_MS + GRACE_MS + 5 * MINUTE_MS, 1000)
    hear(machine, log)
    flush(machine, disk)
    view = a_view(MemoryRows(), *known({**the_village(), **HOME}), *changelog(disk), *old)

    assert open_windows(view)[0]["kinds"]["load"]["sum_w"] == 1111


def test_the_changelog_tells_how_far_a_partition_is() -> None:
    _, _, disk = a_half_heard_village()
    clocks = a_view(None, *changelog(disk)).clocks

    assert clocks.as_of_ms("twin", 0) == NOON_MS + GRACE_MS + 2 * MINUTE_MS
    assert clocks.closed_ms("twin", 0) == NOON_MS
