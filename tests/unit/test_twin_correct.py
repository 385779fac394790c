"""A late reading for a closed window: corrected within the horizon, from rows or from memory, then gone."""

import msgspec
import pytest

from app.domain.rows import body_of
from app.domain.site_rows import WINDOW_TABLE
from tests.builders import NOON_MS, Disk, Log, a_village, flush, hear

WINDOW_MS = 900_000
GRACE_MS = 120_000
HOUR_MS = 3_600_000


def closed_noon(disk: Disk, *, stored: bool, **rules: int):
    """The window of noon, closed: 1 W of site a and 20 W of site b."""
    machine, log = a_village(disk, horizon_ms=2 * HOUR_MS, **rules), Log()
    log.tick(NOON_MS)
    log.say("a", "load-a", NOON_MS, 1)
    log.say("b", "load-b", NOON_MS, 20)
    log.tick(NOON_MS + WINDOW_MS + GRACE_MS)
    hear(machine, log)
    if stored:
        flush(machine, disk)
    return machine, log


@pytest.mark.parametrize("stored", [True, False])
def test_a_late_reading_says_the_window_again_with_everything_that_was_in_it(stored):
    machine, log = closed_noon(Disk(), stored=stored)
    log.say("a", "load-a", NOON_MS + 60_000, 100, arrived_ms=NOON_MS + HOUR_MS)
    heard = hear(machine, log)

    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 121
    assert heard.windows("substation")[NOON_MS].kinds["load"].readings == 3
    assert all(one.final for one in heard.contributions if one.window_start_ms == NOON_MS)


@pytest.mark.parametrize("stored", [True, False])
def test_a_late_reading_changes_only_the_nodes_above_its_site(stored):
    machine, log = closed_noon(Disk(), stored=stored)
    log.say("a", "load-a", NOON_MS + 60_000, 100, arrived_ms=NOON_MS + HOUR_MS)

    assert hear(machine, log).windows("feeder-2").get(NOON_MS) is None


def test_a_corrected_site_window_says_so_with_the_offset_that_corrected_it():
    machine, log = closed_noon(Disk(), stored=True)
    log.say("a", "load-a", NOON_MS + 60_000, 100, arrived_ms=NOON_MS + HOUR_MS)
    log.say("b", "load-b", NOON_MS + HOUR_MS, 2)
    site = hear(machine, log).site_windows[f"a|{NOON_MS}"]

    assert (site["status"], site["revision"], site["kinds"]["all"]["sum_w"]) == ("corrected", 4, 101)


@pytest.mark.parametrize("stored", [True, False])
def test_the_same_second_of_a_closed_window_is_a_duplicate(stored):
    machine, log = closed_noon(Disk(), stored=stored)
    log.say("a", "load-a", NOON_MS, 1, arrived_ms=NOON_MS + HOUR_MS)
    heard = hear(machine, log)

    assert heard.windows("feeder-1").get(NOON_MS) is None
    assert heard.site_windows == {}
    assert machine.state.sites["a"].duplicate == 1


def test_a_late_reading_for_a_window_in_which_nothing_was_heard_makes_its_rows():
    disk = Disk()
    machine, log = closed_noon(disk, stored=True)
    log.say("c", "load-c", NOON_MS + 60_000, 100, arrived_ms=NOON_MS + HOUR_MS)
    heard = hear(machine, log)
    flush(machine, disk)
    log.say("c", "load-c", NOON_MS + 120_000, 200, arrived_ms=NOON_MS + HOUR_MS)

    assert heard.windows("feeder-2")[NOON_MS].kinds["load"].sum_w == 100
    assert hear(machine, log).windows("feeder-2")[NOON_MS].kinds["load"].sum_w == 300


@pytest.mark.parametrize("blocks", [1, 256])
def test_corrections_add_up_over_flushes(blocks):
    disk = Disk()
    machine, log = closed_noon(disk, stored=True, window_blocks=blocks)
    for i, (site, power_w) in enumerate([("a", 100), ("b", 200), ("a", 1_000)]):
        log.say(site, f"load-{site}", NOON_MS + (1 + i) * 60_000, power_w, arrived_ms=NOON_MS + HOUR_MS)
        last = hear(machine, log)
        flush(machine, disk)

    assert last.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1_321


def test_a_correction_in_memory_is_one_scan_however_many_readings_are_late():
    disk = Disk()
    machine, log = closed_noon(disk, stored=True)
    scans = []
    scan = disk.scan
    disk.scan = lambda *bounds: scans.append(bounds) or scan(*bounds)
    for minute in range(1, 11):
        log.say("a", "load-a", NOON_MS + minute * 60_000, 1, arrived_ms=NOON_MS + HOUR_MS)
    hear(machine, log)

    assert len(scans) == 1


def test_totals_of_closed_windows_in_memory_are_bounded():
    disk = Disk()
    machine, log = closed_noon(disk, stored=True, cached_windows=2)
    log.tick(NOON_MS + 6 * WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    for i in range(6):
        log.say("a", "load-a", NOON_MS + i * WINDOW_MS + 60_000, 1, arrived_ms=NOON_MS + 6 * WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    flush(machine, disk)

    assert len(machine.state.closed.held) <= 2


def late(machine, log, age_ms: int) -> list[str]:
    at_ms = NOON_MS + 60_000
    log.say("a", "load-a", at_ms, 100, arrived_ms=at_ms + age_ms)
    return [one.reason for one in hear(machine, log).rejections]


def test_a_reading_as_old_as_the_horizon_corrects_and_one_older_is_too_late():
    assert late(*closed_noon(Disk(), stored=True), 2 * HOUR_MS) == []
    assert late(*closed_noon(Disk(), stored=True), 2 * HOUR_MS + 1) == ["too_late"]


def windows_on(disk: Disk) -> set[bytes]:
    return set(disk.tables[WINDOW_TABLE])


def test_the_rows_of_a_window_get_their_tombstones_one_flush_after_the_horizon():
    disk = Disk()
    machine, log = closed_noon(disk, stored=True)
    stored = windows_on(disk)
    log.tick(NOON_MS + WINDOW_MS + 2 * HOUR_MS)
    hear(machine, log)
    flush(machine, disk)
    after_the_horizon = windows_on(disk)
    flush(machine, disk)

    assert stored
    assert stored <= after_the_horizon
    assert not stored & windows_on(disk)


def test_the_rows_of_a_window_stay_until_its_end_is_as_old_as_the_horizon():
    disk = Disk()
    machine, log = closed_noon(disk, stored=True)
    stored = windows_on(disk)
    log.tick(NOON_MS + WINDOW_MS + 2 * HOUR_MS - 1)
    hear(machine, log)
    for _ in range(3):
        flush(machine, disk)

    assert stored <= windows_on(disk)


def test_blocks_share_rows_and_hold_every_site_of_the_window():
    disk = Disk()
    closed_noon(disk, stored=True, window_blocks=1)
    (row,) = disk.tables[WINDOW_TABLE].values()

    assert set(msgspec.msgpack.decode(body_of(row))) == {"a", "b"}
