"""A site that was away for six hours sends what it kept: its windows are corrected, and it is not alive for that."""

from __future__ import annotations

import pytest

from tests.builders import NOON_MS, Heard, Log, a_village, hear

MINUTE_MS = 60_000
WINDOW_MS = 15 * MINUTE_MS
AWAY_MS = 6 * 60 * MINUTE_MS
BACK_MS = NOON_MS + AWAY_MS
WINDOWS = AWAY_MS // WINDOW_MS


def said(log: Log, start_ms: int, end_ms: int, site: str, *, arrived_ms: int | None = None) -> None:
    for at_ms in range(start_ms, end_ms, MINUTE_MS):
        log.say(site, f"load-{site}", at_ms, 10, arrived_ms=arrived_ms)


@pytest.fixture(scope="module")
def story() -> tuple[Heard, Heard]:
    """Return what was said while a was away, and once its backlog has come."""
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS - MINUTE_MS, 10)
    said(log, NOON_MS, BACK_MS + WINDOW_MS, "b")
    away = hear(machine, log)
    said(log, NOON_MS, BACK_MS - 3 * MINUTE_MS, "a", arrived_ms=BACK_MS + WINDOW_MS)
    return away, hear(machine, log, twins=True)


def test_every_window_of_its_absence_is_corrected(story: tuple[Heard, Heard]) -> None:
    away, back = story
    starts = [NOON_MS + number * WINDOW_MS for number in range(WINDOWS - 1)]

    assert [away.windows("feeder-1")[at_ms].kinds["load"].sum_w for at_ms in starts] == [150] * (WINDOWS - 1)
    assert [back.windows("feeder-1")[at_ms].kinds["load"].sum_w for at_ms in starts] == [300] * (WINDOWS - 1)
    assert {back.site_windows[f"a|{at_ms}"]["status"] for at_ms in starts} == {"corrected"}


def test_it_went_offline_while_its_neighbour_spoke_and_its_backlog_does_not_bring_it_back(
    story: tuple[Heard, Heard],
) -> None:
    away, back = story

    assert [step[1] for step in away.steps()][1:] == ["online", "delayed", "offline"]
    assert back.steps() == []
    assert (back.twins["a"]["connectivity"], back.twins["a"]["heard_at_ms"]) == ("offline", NOON_MS - MINUTE_MS)


def test_what_it_did_hours_ago_is_not_what_it_does_now(story: tuple[Heard, Heard]) -> None:
    away, back = story
    live = back.live("feeder-1") or away.live("feeder-1")

    assert live is not None
    assert (live.kinds["load"].devices_fresh, live.kinds["load"].devices_stale) == (1, 1)
    assert live.kinds["load"].active_power_w == 10


def test_a_backlog_tells_nothing_of_its_clock(story: tuple[Heard, Heard]) -> None:
    assert story[1].twins["a"]["clock_skew_s"] is None


def test_two_fresh_readings_bring_it_back() -> None:
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 10)
    for minute in range(0, 361, 60):
        log.tick(NOON_MS + minute * MINUTE_MS)
    hear(machine, log)
    said(log, NOON_MS, BACK_MS, "a", arrived_ms=BACK_MS + MINUTE_MS)
    said(log, BACK_MS + MINUTE_MS, BACK_MS + 3 * MINUTE_MS, "a")

    assert [step[:2] for step in hear(machine, log).steps()] == [("offline", "recovering"), ("recovering", "online")]


@pytest.mark.parametrize("outage_ms", [5 * MINUTE_MS, AWAY_MS, 60 * AWAY_MS])
def test_when_we_were_away_and_all_come_with_their_backlogs_nobody_was_silent(outage_ms: int) -> None:
    machine, log = a_village(attended_gap_ms=10_000, tick_ms=1_000), Log()
    for site in "abc":
        log.say(site, f"load-{site}", NOON_MS, 10)
    before = hear(machine, log, twins=True)
    for site in "abc":
        for at_ms in range(NOON_MS + MINUTE_MS, NOON_MS + outage_ms, outage_ms // 5):
            log.say(site, f"load-{site}", at_ms, 10, arrived_ms=NOON_MS + outage_ms)
    after = hear(machine, log, twins=True)

    assert {twin["connectivity"] for twin in before.twins.values()} == {"online"}
    assert after.steps() == []
