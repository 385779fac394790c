"""What the doctor makes of what it saw; tests/system/test_doctor.py has it look at a broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.doctor.machine import check_disk, load
from app.doctor.observed import Arrived, Observed, Role
from app.doctor.report import CHECKS, Checked, checked, report, unknown
from app.doctor.workers import (
    MOST_SKEW_MS,
    check_clock,
    check_offsets,
    check_partitions,
    check_remembered,
    check_watermark,
    check_workers,
)
from app.domain import rollup_records, site_records
from app.settings import Settings

MINUTE_MS = 60_000
NOON_MS = 1_464_782_400_000
SETTINGS = Settings.load({"VPP_PARTITIONS": "2", "VPP_WINDOW_S": "60", "VPP_GRACE_S": "60"})


def a_role(name: str = "twin", **changes: Any) -> Role:
    """A role of two partitions that has folded what there is."""
    given: dict[str, Any] = {
        "begins": {0: 0, 1: 0}, "ends": {0: 10, 1: 20}, "last_ends": {0: 10, 1: 20}, "folded_before": {0: 9, 1: 19},
        "folded": {0: 9, 1: 19}, "committed": {0: 10, 1: 20}, "members": 1,
    }  # fmt: skip
    return Role(name, "its source", **(given | changes))


def a_twin_row(through_ms: int | None, *, stream_ms: int = NOON_MS, **changes: Any) -> site_records.PartitionRow:
    given: dict[str, Any] = {
        "partitions": 2, "window_ms": MINUTE_MS, "window_blocks": 256, "stream_ms": stream_ms, "skew_ms": 0,
        "first_window_ms": 0, "closed_through_ms": through_ms, "expired_through_ms": None, "twins_said": -1,
        "topology": (-1, -1), "restate_from_ms": None, "records": 0, "ticks": 0, "rejected": {},
    }  # fmt: skip
    return site_records.PartitionRow(**(given | changes))


def a_rollup_row(*through_ms: int) -> rollup_records.PartitionRow:
    watermarks: dict[int, Any] = {source: (0, at_ms) for source, at_ms in enumerate(through_ms)}
    return rollup_records.PartitionRow(2, MINUTE_MS, watermarks, None, 0)  # type: ignore[arg-type]


def seen(
    *roles: Role, twins: Mapping[int, Any] = {}, rollups: Mapping[int, Any] = {}, now_ms: int = NOON_MS
) -> Observed:
    return Observed({role.name: role for role in roles}, dict(twins), dict(rollups), None, now_ms, 10.0)


def subjects(found: Checked) -> list[str]:
    assert all(one.seen and one.remedy for one in found.findings)
    assert (found.status == "fault") == bool(found.findings)
    return [one.subject for one in found.findings]


def test_every_check_is_told_once_and_what_was_not_reached_is_unknown() -> None:
    whole = report([checked("disk", []), unknown("clock", "why")])

    assert [one.check for one in whole.checks] == list(CHECKS)
    assert {one.check: one.status for one in whole.checks if one.detail != "not reached"} == {
        "disk": "well", "clock": "unknown"
    }  # fmt: skip
    assert whole.healthy


def test_each_setting_that_cannot_be_used_is_a_finding() -> None:
    settings, found = load({"VPP_PARTITIONS": "0", "VPP_WINDOW_S": "x"})

    assert settings is None
    assert subjects(found) == ["VPP_PARTITIONS", "VPP_WINDOW_S"]


def test_a_directory_that_is_a_file_cannot_hold_state(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    assert subjects(check_disk(tmp_path / "data", least_free_bytes=0)) == [str(tmp_path / "data")]


def test_a_disk_needs_the_space_that_is_asked_for(tmp_path: Path) -> None:
    assert check_disk(tmp_path, least_free_bytes=0).status == "well"
    assert subjects(check_disk(tmp_path, least_free_bytes=1 << 60)) == [str(tmp_path)]


def test_a_disk_needs_as_much_space_again_as_its_state_takes(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 43)

    assert subjects(check_disk(tmp_path, least_free_bytes=0)) == [str(tmp_path)]


def test_a_machine_without_state_says_so(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "none", least_free_bytes=0).status == "unknown"


@pytest.mark.parametrize(
    ("stamped_ms", "status"),
    [(0, "well"), (100, "well"), (-MOST_SKEW_MS, "well"), (100 + MOST_SKEW_MS, "well"),
     (-MOST_SKEW_MS - 1, "fault"), (101 + MOST_SKEW_MS, "fault")],
)  # fmt: skip
def test_the_broker_may_stamp_as_far_off_as_both_looks_at_our_clock_allow(stamped_ms: int, status: str) -> None:
    assert check_clock(Arrived(NOON_MS + stamped_ms, NOON_MS, NOON_MS + 100)).status == status


def test_without_a_stamp_the_clock_is_not_known() -> None:
    assert check_clock(None).status == "unknown"


def test_a_role_without_a_worker_is_found() -> None:
    assert subjects(check_workers(seen(a_role(members=0), a_role("rollup")))) == ["group vpp-twin"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"folded_before": {0: 5, 1: 19}, "folded": {0: 5, 1: 19}}, ["twin partition 0"]),
        ({"folded_before": {0: 5, 1: 19}, "folded": {0: 6, 1: 19}}, []),
        ({"folded_before": {0: 9}, "folded": {0: 9}}, ["twin partition 1"]),
        ({"folded_before": {0: 9}, "folded": {0: 9}, "begins": {0: 0, 1: 20}}, []),
    ],
    ids=["at its end", "behind and still", "behind and moving", "never read", "nothing to read"],
)
def test_a_partition_that_is_behind_and_does_not_move_is_stuck(changes: Any, found: list[str]) -> None:
    assert subjects(check_partitions(seen(a_role(**changes)))) == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"folded": {0: 10, 1: 19}}, ["twin partition 0"]),
        ({"committed": {0: 10, 1: 21}}, ["twin partition 1"]),
        ({"begins": {0: 10, 1: 0}}, []),
        ({"begins": {0: 11, 1: 0}, "ends": {0: 11, 1: 20}, "last_ends": {0: 11, 1: 20}}, ["twin partition 0"]),
        ({"last_ends": {0: 100, 1: 100}, "folded": {0: 99, 1: 99}, "committed": {0: 100, 1: 100}}, []),
    ],
    ids=["within", "past the end", "committed past the end", "all folded, all gone", "gone unread", "grew meanwhile"],
)
def test_state_has_to_lie_within_its_log(changes: Any, found: list[str]) -> None:
    assert subjects(check_offsets(seen(a_role(**changes)))) == found


LATE_MS = NOON_MS - 10 * MINUTE_MS
ON_TIME = a_twin_row(NOON_MS - 2 * MINUTE_MS)


def watermark(twins: dict[int, Any], *rows: Any, now_ms: int = NOON_MS) -> Checked:
    return check_watermark(seen(twins=twins, rollups=dict(enumerate(rows)), now_ms=now_ms), SETTINGS)


def test_a_watermark_is_well_while_it_is_behind_by_grace_a_window_and_slack_at_most() -> None:
    row = a_rollup_row(NOON_MS - 2 * MINUTE_MS, NOON_MS - 2 * MINUTE_MS)

    assert watermark({0: ON_TIME, 1: ON_TIME}, row, row).status == "well"


def test_the_partition_whose_time_stands_still_holds_the_watermark() -> None:
    row = a_rollup_row(NOON_MS - 2 * MINUTE_MS, LATE_MS)
    found = watermark({0: ON_TIME, 1: a_twin_row(LATE_MS, stream_ms=LATE_MS)}, row, row)

    assert subjects(found) == ["telemetry partition 1"]
    assert "its time is 2016-06-01 11:50:00, 600 s behind" in found.findings[0].seen


def test_a_partition_that_nobody_remembers_holds_the_watermark() -> None:
    row = a_rollup_row(NOON_MS - 2 * MINUTE_MS)
    found = watermark({0: ON_TIME}, row, row)

    assert subjects(found) == ["telemetry partition 1"]
    assert "no twin worker has remembered anything" in found.findings[0].seen


def test_a_rollup_partition_that_has_not_heard_holds_the_watermark() -> None:
    fine, late = a_rollup_row(NOON_MS - 2 * MINUTE_MS, NOON_MS - 2 * MINUTE_MS), a_rollup_row(LATE_MS, NOON_MS)
    found = watermark({0: ON_TIME, 1: ON_TIME}, fine, late)

    assert subjects(found) == ["telemetry partition 0"]
    assert "rollup partition 1 has not taken that in" in found.findings[0].seen


def test_before_the_first_rollup_worker_the_watermark_is_not_known() -> None:
    assert watermark({0: ON_TIME}).status == "unknown"


def test_in_a_replay_time_is_that_of_the_partition_that_is_furthest() -> None:
    replayed = msgspec.structs.replace(SETTINGS, telemetry_timestamps="create")
    row = a_rollup_row(NOON_MS - 2 * MINUTE_MS, NOON_MS - 2 * MINUTE_MS)
    at = seen(twins={0: ON_TIME, 1: ON_TIME}, rollups={0: row, 1: row}, now_ms=2 * NOON_MS)

    assert (check_watermark(at, replayed).status, check_watermark(at, SETTINGS).status) == ("well", "fault")


@pytest.mark.parametrize(
    ("changes", "found"),
    [({}, []), ({"partitions": 4}, ["VPP_PARTITIONS"]), ({"window_ms": 900_000}, ["VPP_WINDOW_S"]),
     ({"window_blocks": 1}, ["VPP_WINDOW_BLOCKS"])],
)  # fmt: skip
def test_settings_that_the_state_was_not_written_with_are_found(changes: Any, found: list[str]) -> None:
    at = seen(twins={0: a_twin_row(0, **changes)})

    assert [one.subject for one in check_remembered(at, SETTINGS)] == found
