"""A clock that is off is told from a backlog, reported, and touches nothing but its own readings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import (
    NOON_MS,
    Disk,
    Log,
    a_device,
    a_node,
    a_partition,
    a_site,
    a_village,
    flush,
    hear,
    some_rules,
    the_village,
)

S = 1_000
HOUR_MS = 3_600 * S
INTERVAL_MS = 60 * S
DELAYED_MS = 3 * INTERVAL_MS


def skew_of(machine: Any, log: Log, site: str = "a") -> int | None:
    twin = hear(machine, log, twins=True).twins[site]
    assert [one["clock_skew_s"] for one in twin["devices"]] == [twin["clock_skew_s"]]
    skew: int | None = twin["clock_skew_s"]
    return skew


def readings(log: Log, *offs_ms: int, apart_ms: int = INTERVAL_MS, site: str = "a") -> Log:
    """Report every interval, each time by a clock that is off by so much."""
    for number, off_ms in enumerate(offs_ms):
        now_ms = NOON_MS + number * apart_ms
        log.say(site, f"load-{site}", now_ms + off_ms, 100, arrived_ms=now_ms)
    return log


def test_a_site_that_was_never_heard_has_no_skew() -> None:
    machine, log = a_village(), readings(Log(), 0, site="b")

    assert "a" not in hear(machine, log, twins=True).twins


@pytest.mark.parametrize(
    ("off_ms", "skew_s"),
    [(0, 0), (5 * S, 0), (5 * S + 1, 5), (90 * S, 90), (600 * S, 600), (600 * S + 1, 600), (3 * HOUR_MS, 10_800),
     (-DELAYED_MS, 0), (-DELAYED_MS - 1, None), (-3 * HOUR_MS, None)],
)  # fmt: skip
def test_one_reading_shows_a_clock_that_is_ahead_and_leaves_open_one_that_is_late(
    off_ms: int, skew_s: int | None
) -> None:
    """Beyond ten minutes ahead the reading itself is rejected, and tells it all the same."""
    assert skew_of(a_village(), readings(Log(), off_ms)) == skew_s


@pytest.mark.parametrize("off_ms", [-DELAYED_MS - 1 * S, -2 * HOUR_MS, -30 * HOUR_MS])
def test_readings_that_are_late_by_the_same_again_and_again_show_a_clock_that_is_behind(off_ms: int) -> None:
    """Beyond the horizon the readings are rejected as too late."""
    assert skew_of(a_village(), readings(Log(), *[off_ms] * 3)) == off_ms // S


@pytest.mark.parametrize("jitter_ms", [0, 20 * S])
def test_a_clock_that_is_behind_is_known_in_spite_of_jitter(jitter_ms: int) -> None:
    offs = [-HOUR_MS, -HOUR_MS - jitter_ms, -HOUR_MS + jitter_ms]

    assert skew_of(a_village(), readings(Log(), *offs)) == (-HOUR_MS + jitter_ms) // S


@pytest.mark.parametrize("apart_ms", [0, S, 30 * S])
def test_a_backlog_that_comes_faster_than_it_was_measured_is_not_a_clock(apart_ms: int) -> None:
    offs = [-HOUR_MS + number * (INTERVAL_MS - apart_ms) for number in range(30)]

    assert skew_of(a_village(), readings(Log(), *offs, apart_ms=apart_ms)) is None


def test_a_clock_that_is_set_is_on_time_again() -> None:
    assert skew_of(a_village(), readings(Log(), *[-HOUR_MS] * 3, 0)) == 0
    assert skew_of(a_village(), readings(Log(), HOUR_MS, 0)) == 0


def test_a_clock_that_jumps_from_ahead_to_behind_is_judged_anew() -> None:
    assert skew_of(a_village(), readings(Log(), HOUR_MS, -HOUR_MS)) is None


def test_a_twin_shows_the_device_whose_clock_is_furthest_off() -> None:
    devices = [a_device("fine"), a_device("ahead"), a_device("behind"), a_device("silent")]
    machine = a_partition(some_rules(), Disk(), {"n": a_node("feeder"), "s": a_site("n", devices=devices)})
    log = Log()
    for minute in range(3):
        for device, off_ms in (("fine", 0), ("ahead", HOUR_MS), ("behind", -2 * HOUR_MS)):
            at_ms = NOON_MS + minute * INTERVAL_MS
            log.say("s", device, at_ms + off_ms, 1, arrived_ms=at_ms)
    twin = hear(machine, log, twins=True).twins["s"]

    assert {one["device"]: one["clock_skew_s"] for one in twin["devices"]} == {
        "fine": 0, "ahead": 3_600, "behind": -7_200, "silent": None
    }  # fmt: skip
    assert twin["clock_skew_s"] == -7_200


@pytest.mark.parametrize("off_ms", [-HOUR_MS, HOUR_MS, -30 * HOUR_MS])
def test_what_is_known_of_a_clock_survives_a_restart(off_ms: int) -> None:
    """Of a device of which nothing was ever accepted, too."""
    disk = Disk()
    machine, log = a_village(disk), readings(Log(), off_ms, off_ms)
    hear(machine, log)
    flush(machine, disk)
    log = readings(log, off_ms, off_ms, off_ms)
    log.records = [one._replace(offset=number) for number, one in enumerate([*log.records[:2], *log.records[4:]])]

    assert skew_of(a_village(disk), log) == off_ms // S


def everything(log: Log) -> tuple[list[str], dict[str, Any]]:
    """Return all that is said of the neighbours of a: their windows, transitions and twins."""
    machine = a_partition(some_rules(), Disk(), the_village())
    heard = hear(machine, log, twins=True)
    said = [json.dumps(one, sort_keys=True) for one in heard.transitions if one["site"] != "a"]
    windows = {key: value for key, value in heard.site_windows.items() if not key.startswith("a|")}
    windows |= {f"node {start}": one for start, one in heard.windows("feeder-2").items() if start >= NOON_MS}
    return said, windows | {"live": heard.live("feeder-2")}


@pytest.mark.parametrize("off_ms", [-30 * HOUR_MS, -5 * HOUR_MS, 5 * HOUR_MS, 30 * HOUR_MS, 70 * 365 * 24 * HOUR_MS])
def test_a_clock_that_is_hours_off_changes_nothing_but_its_own_site(off_ms: int) -> None:
    """The records are the same, at the same offsets; only what one site says of the time differs."""

    def a_log(off_ms: int) -> Log:
        log = Log()
        for minute in range(40):
            at_ms = NOON_MS + minute * INTERVAL_MS
            log.say("a", "load-a", max(0, at_ms + off_ms), 1, arrived_ms=at_ms)
            log.say("b", "load-b", at_ms, 20, arrived_ms=at_ms)
            if minute % 7:
                log.say("c", "load-c", at_ms, 100, arrived_ms=at_ms)
        return log

    assert everything(a_log(off_ms)) == everything(a_log(0))


def test_a_clock_that_is_ahead_neither_brings_its_site_online_nor_keeps_it_there() -> None:
    machine, log = a_village(), readings(Log(), *[HOUR_MS] * 15)

    assert hear(machine, log).steps() == []
