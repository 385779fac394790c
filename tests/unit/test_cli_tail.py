"""Rows of a level as lines for people."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from rich.cells import cell_len

from app.cli.tail import HEADER, _show

WINDOW_MS = 1_464_782_400_000
KIND = {"readings": 1, "sum_w": 1500, "mean_power_w": 1500, "energy_import_j": 3_600_000, "energy_export_j": 0,
        "devices_expected": 20, "devices_reporting": 10, "covered_device_s": 1, "expected_device_s": 1}  # fmt: skip
LIVE = {"active_power_w": -2000, "import_w": 0, "export_w": 2000, "stale_power_w": 0, "devices_fresh": 10,
        "devices_stale": 5, "devices_never": 5, "rated_power_w": 1, "stale_rated_power_w": 1}  # fmt: skip


class Record(NamedTuple):
    key: bytes
    value: bytes
    partition: int = 1
    offset: int = 2


def a_window(node: str) -> Record:
    row = {"node": node, "level": "grid", "hierarchy": "grid", "window_start_ms": WINDOW_MS, "window_s": 900,
           "revision": 1, "status": "final", "state": "partial", "waiting_for": [], "kinds": {"all": KIND},
           "sites": {"expected": 1, "reporting": 1}, "rated_power_w": {"expected": 1, "reporting": 1},
           "oldest_measured_at_ms": None, "newest_measured_at_ms": None}  # fmt: skip
    return Record(f"{node}|{WINDOW_MS}".encode(), json.dumps(row).encode())


def a_live(node: str) -> Record:
    row: dict[str, Any] = {"node": node, "level": "grid", "hierarchy": "grid", "as_of_ms": WINDOW_MS, "revision": 1,
           "state": "stale", "kinds": {"all": LIVE}, "sites": dict.fromkeys(
               ("online", "delayed", "recovering", "offline", "never_seen"), 0), "storage": dict.fromkeys(
               ("state_of_charge_wh", "usable_capacity_wh", "charge_power_available_w",
                "discharge_power_available_w"), 0)}  # fmt: skip
    return Record(f"{node}|live".encode(), json.dumps(row).encode())


def shown(capsys: pytest.CaptureFixture[str], record: Record, node: str | None = None) -> str:
    _show(record, node, is_site=False)
    return capsys.readouterr().out


def test_a_window_shows_power_energy_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    words = shown(capsys, a_window("top")).split()

    assert words == ["top", "2016-06-01", "12:00", "final", "partial", "1.500", "1.000", "0.000", "10/20"]


def test_a_live_value_shows_power_and_fresh_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, a_live("top")).split() == ["top", "live", "06-01", "12:00:00", "stale", "-2.000", "10/20"]


@pytest.mark.parametrize("node", ["top", "日本の変電所", "🔋", "x" * 32])
def test_columns_stand_below_each_other_whatever_the_script(node: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = shown(capsys, a_window(node))

    assert cell_len(line.split(" 2016")[0]) == HEADER.index("what") - 1


def test_one_node_is_not_another_that_begins_alike(capsys: pytest.CaptureFixture[str]) -> None:
    long = "n" * 40

    assert shown(capsys, a_window("top"), node="top") != ""
    assert shown(capsys, a_window("top 2"), node="top") == ""
    assert shown(capsys, a_window(f"{long} 2"), node=long) == ""


def test_an_id_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\\u001b[2J" in shown(capsys, a_window("\x1b[2J"))


def test_a_record_that_cannot_be_read_is_named_and_the_next_one_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Record(b"x|1", b"{}"), None, is_site=False)

    assert "partition 1, offset 2: Object missing required field" in capsys.readouterr().err
