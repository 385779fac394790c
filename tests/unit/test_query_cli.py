"""Answers as lines for people."""

from __future__ import annotations

import json

import pytest

from app.cli.query_terminal import live_line, power, share
from app.cli.watch import line_of
from app.client.told import Told
from app.query.members import MemberLive
from tests.builders import NOON_MS
from tests.query_builders import Read, a_live, a_transition, a_window


def told(name: str, record: Read, **fields: object) -> str | None:
    return line_of(Told(name, {**fields, "data": json.loads(record.value or b"")}))


@pytest.mark.parametrize(
    ("watts", "words"),
    [(0, "balanced 0.000 kW"), (1500, "consuming 1.500 kW"), (-20, "producing 0.020 kW"),
     (-2_000_000, "producing 2.000 MW"), (None, "unknown")],
)  # fmt: skip
def test_a_power_has_its_direction_in_words(watts: int | None, words: str) -> None:
    assert power(watts) == words


def test_a_share_that_is_not_known_is_not_zero() -> None:
    assert (share(None), share(0.0), share(0.5)) == ("unknown", "0%", "50%")


def test_a_silent_member_shows_no_power_of_now() -> None:
    live = MemberLive(active_power_w=0, import_w=0, export_w=0, stale_power_w=-2000, state="stale",
                      connectivity="offline", as_of_ms=NOON_MS, revision=1, coverage=None)  # fmt: skip

    assert live_line(live) == "silent, offline, producing 2.000 kW before"


def test_a_live_value_is_a_line() -> None:
    assert told("live", a_live("n", -20), node="n") == "2016-06-01 12:00:00  n  now producing 0.020 kW, complete"


def test_a_window_is_a_line_with_energy() -> None:
    line = told("correction", a_window("n", 4000, status="corrected"), node="n")

    assert line is not None
    assert line.startswith("2016-06-01 12:00:00  n  window corrected, complete: mean consuming 4.000 kW, ")
    assert line.endswith("import 1.000 kWh, export 0.000 kWh")


def test_a_transition_is_a_line_with_its_cause() -> None:
    assert told("transition", a_transition("s"), site="s") == "2016-06-01 12:00:00  s  never_seen -> online, heard"


def test_a_control_character_in_an_id_does_not_reach_the_terminal() -> None:
    line = told("live", a_live("\x1b[2J"), node="\x1b[2J")

    assert line is not None
    assert "\x1b" not in line


@pytest.mark.parametrize(("reason", "line"), [(None, None), ("why", "no news for 20 s: why")])
def test_a_heartbeat_is_a_line_only_when_nothing_new_comes(reason: str | None, line: str | None) -> None:
    heartbeat = {"age_s": 20.0, "is_ready": True, "is_stale": reason is not None, "stale_reason": reason}

    assert line_of(Told("heartbeat", heartbeat)) == line
