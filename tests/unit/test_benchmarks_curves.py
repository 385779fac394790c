"""Tables of size and latency: what failed has no figures, growth is told by its exponent."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import curves
from benchmarks.flame import parts

HELD = {
    "at": "2026-01-02T03:04:05Z", "versions": {"kafka": "4"},
    "machine": {"processor": "P", "cores": 2, "memory_bytes": 2**31, "load_before": 0.1, "is_busy": False},
}  # fmt: skip


def point(at: float, cpu_us: float, **changes: Any) -> dict[str, Any]:
    return {
        "at": at, "sites": at, "readings": 1_000, "readings_per_s": 100, "cpu_us_per_reading": cpu_us,
        "rows_per_reading": 0.5, "resident_bytes": {"twin": 100_000_000 + 800 * at, "rollup": 1},
        "peak_memory_bytes": 20_000_000, "longest_stall_s": {"twin": 0.1, "rollup": 0.2},
        "longest_flush_s": {"twin": 1.0, "rollup": 0.5}, "disk_bytes": {"twin": 1_000_000, "rollup": 0},
        "changelog_bytes": {"a": 2_000_000}, "exact": True, **changes,
    }  # fmt: skip


def axis(*points: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "size", "shape": "sites", "points": [*points], **HELD}


def level(**changes: Any) -> dict[str, Any]:
    seen, volume = {"count": 2, "p50": 1.0, "p99": 2.0, "p999": 10.0, "most": 10.0}, {"records_per_s": 10.0}
    written = {**volume, "bytes_per_s": 2_000}
    return {"live_s": seen, "final_s": {"count": 0}, "live": written, "windows": written, **changes}


def latency(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "latency", "shape": "loads", "sites": 100, "drain_rate": 1_000, "runs": [*runs], **HELD}


def run(cadence_s: str, twins_s: str) -> dict[str, Any]:
    return {
        "share": 0.5, "sites": 50_000, "rate": 500, "cadence_s": cadence_s, "twins_s": twins_s,
        "cores_used": 0.5, "probed": 2, "exact": True,
        "sender_late_s": {"p99": 0.001}, "levels": {"site": level(), "grid": level()},
    }  # fmt: skip


def test_the_exponent_is_that_of_cpu_along_the_axis() -> None:
    shown = curves.size_chapter(axis(point(10, 1.0), point(1_000, 10.0)))

    assert "with the power 0.50 of it" in shown
    assert "| 1,000 | 1,000 | 100 | 10.0 | 0.500 | 101 | 20 | 0.20 | 1.00 | 1.0 | 2.0 | yes |" in shown


def test_a_point_that_failed_is_told_and_has_no_row() -> None:
    shown = curves.size_chapter(axis(point(10, 1.0), {"exact": False, "error": "it ended"}))

    assert "One point failed: it ended" in shown
    assert shown.count("| yes |") == 1


def test_a_wrong_point_says_so() -> None:
    assert "| **no** |" in curves.size_chapter(axis(point(10, 1.0, exact=False)))


def test_restarts_have_columns_only_where_there_were_any() -> None:
    restarted = point(10, 1.0, ready_warm_s=1.0, caught_up_warm_s=2.0, ready_cold_s=10.0, caught_up_cold_s=20.0)

    assert "| 1.0 | 2.0 | 10.0 | 20.0 | yes |" in curves.size_chapter(axis(restarted))
    assert "ready warm" not in curves.size_chapter(axis(point(10, 1.0)))


def test_a_storm_has_a_name_and_no_exponent() -> None:
    shown = curves.size_chapter(axis(point(0, 1.0, storm="a tenth late"), point(0, 2.0, storm="six hours")))

    assert "| a tenth late | 1,000 |" in shown
    assert "power" not in shown


def test_bytes_per_twin_leave_out_what_an_empty_worker_holds() -> None:
    held = axis(point(10, 1.0), point(20, 1.0), point(100, 1.0))

    assert curves.bytes_per_twin(held) == pytest.approx(800.0)
    assert "Each further twin takes 800 bytes" in curves.size_chapter(held)
    assert "further twin" not in curves.size_chapter({**held, "shape": "levels"})


def test_only_axes_with_several_points_are_drawn() -> None:
    drawn = ElementTree.fromstring(
        curves.size_plot([axis(point(10, 1.0), point(100, 2.0)), {**axis(point(1, 1.0)), "shape": "levels"}])
    )

    assert len([one for one in drawn if one.get("class") == "line"]) == 1


def test_latency_is_shown_by_load_and_volume_by_cadence_and_level() -> None:
    shown = curves.latency_chapter(latency(run("0.25", "15"), run("1", "1")))

    assert (
        "| 50% | 50,000 | 500 | 0.25 | 15 | 1.00 / 2.00 / 10.00 | 1.00 / 2.00 / 10.00 | - | - | 0.50 | 0.001 | 2 of 2 |"
        " yes |" in shown
    )
    assert "| 1 | site | 1.00 / 2.00 / 10.00 | - | 10 | 2.0 | 10 | 2.0 |" in shown
    assert "| 0.25 | site |" not in shown


def test_a_run_that_failed_is_told() -> None:
    shown = curves.latency_chapter(latency(run("1", "1"), {"share": 0.8, "error": "it fell behind"}))

    assert "One run failed: it fell behind" in shown


def test_what_no_phase_took_is_the_event_loops_and_the_rest_is_of_libraries() -> None:
    metrics = {
        "phase_s": {"apply": 1.0, "say": 2.0}, "thread_s": {"MainThread": 10.0, "Thread-1": 20.0},
        "process_cpu_s": 100.0,
    }  # fmt: skip

    assert list(parts(metrics).items()) == [
        ("event loop, all else, start included", 7.0), ("say", 2.0), ("apply", 1.0),
        ("other threads of Python: fetching", 20.0), ("threads of RocksDB and libraries", 70.0),
        ("the whole process", 100.0),
    ]  # fmt: skip
