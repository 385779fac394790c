"""The benchmark's judgement and its report: a wrong row gives no figure, ratios are of one round."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest

from app.dataset.synthetic_world import Shape, make_world
from benchmarks import processes, report
from benchmarks.contenders import ALL, FAUST, PEERS
from benchmarks.outputs import Kind, Row, judge, take, written_bytes
from benchmarks.worlds import FANOUT, World

A, B = ("feeder-1", 60_000), ("feeder-2", 60_000)
TRUTH = {A: (1, 10), B: (2, 20)}


def run(system: str, number: int, seconds: float, **changes: Any) -> dict[str, Any]:
    """Return a run of 1,000 readings."""
    return {
        "system": system, "round": number, "readings": 1_000, "seconds": seconds, "cpu_s": 0.01, "processes": 1,
        "is_durable": True, "peak_memory_bytes": 2_000_000, "written_records": 3, "written_bytes": 4_000_000,
        "exact": True, **changes,
    }  # fmt: skip


def result(*runs: dict[str, Any], **machine: Any) -> dict[str, Any]:
    world = {"sites": 100, "interval_s": 15, "duration_s": 60, "window_s": 60, "seed": 1, "kind": "load"}
    held = {"processor": "P", "cores": 2, "memory_bytes": 2**31, "load_before": 0.1, "is_busy": False, **machine}
    return {"at": "2026-01-02T03:04:05Z", "world": world, "machine": held, "versions": {"kafka": "4"}, "runs": [*runs]}


def test_it_is_exact_when_every_row_is_equal_and_ends_with_the_last_of_them() -> None:
    outcome = judge(TRUTH, {A: ((1, 10), 100.0), B: ((2, 20), 200.0)})

    assert (outcome.rows, outcome.equal, outcome.ended_s, outcome.is_exact) == (2, 2, 200.0, True)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({A: ((1, 10), 1.0)}, id="a row is missing"),
        pytest.param({A: ((1, 10), 1.0), B: ((2, 21), 1.0)}, id="a sum is off by one"),
        pytest.param({A: ((1, 10), 1.0), B: ((1, 20), 1.0)}, id="a reading is missing"),
        pytest.param({A: ((1, 10), 1.0), B: ((2, 20), 1.0), ("feeder-3", 60_000): ((1, 1), 1.0)}, id="one is made up"),
        pytest.param({}, id="nothing is said"),
    ],
)
def test_it_is_not_exact_when(said: Any) -> None:
    assert not judge(TRUTH, said).is_exact


def test_nothing_to_compare_is_not_exact() -> None:
    assert not judge({}, {}).is_exact


def test_an_empty_window_beyond_the_oracle_is_no_fault() -> None:
    assert judge(TRUTH, {A: ((1, 10), 1.0), B: ((2, 20), 1.0), ("feeder-1", 120_000): ((0, 0), 1.0)}).is_exact


def test_the_newest_row_counts_since_it_first_said_so() -> None:
    said: Any = {}
    for at_s, sum_w in ((1.0, 10), (2.0, 20), (20.0, 20)):
        take(said, Row("feeder-1", 60_000, readings=1, sum_w=sum_w), at_s)

    assert said == {A: ((1, 20), 2.0)}


def test_a_provisional_row_is_no_result() -> None:
    said: Any = {}
    kinds = {"all": Kind(1, 10)}
    take(said, Row("feeder-1", 60_000, status="provisional", kinds=kinds), 1.0)
    take(said, Row("feeder-1", 60_000, status="corrected", kinds=kinds), 2.0)

    assert said == {A: ((1, 10), 2.0)}


def test_inputs_are_not_written_by_a_system(tmp_path: Path) -> None:
    for name, size in (("vpp.telemetry.reported.v1-0", 100), ("__consumer_offsets-0", 20), ("bench.feeder-0", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "00.log").write_bytes(b"x" * size)
        (tmp_path / name / "00.index").write_bytes(b"x" * 1000)

    assert written_bytes(tmp_path) == 1


def test_processor_time_is_that_between_two_moments() -> None:
    watch = processes.Watch([])
    watch._samples = [(1.0, 10.0), (2.0, 11.0), (3.0, 13.0), (4.0, 20.0)]

    assert watch.cpu_between(2.0, 3.0) == 3.0
    assert watch.cpu_between(2.5, 2.6) == 2.0
    assert watch.cpu_between(0.0, 100.0) == 10.0


def test_ratios_are_of_the_same_round() -> None:
    runs = [run("gridtwin", 1, 1.0), run("Faust", 1, 10.0), run("gridtwin", 2, 2.0), run("Faust", 2, 200.0)]

    assert report.ratios(runs, "Faust") == [10.0, 100.0]


def test_a_round_without_an_exact_run_of_ours_gives_no_ratio() -> None:
    runs = [run("gridtwin", 1, 1.0, exact=False), run("Faust", 1, 10.0), run("gridtwin", 2, 1.0), run("Faust", 2, 20.0)]

    assert report.ratios(runs, "Faust") == [20.0]


def test_the_table_shows_median_and_range() -> None:
    runs = [run("gridtwin", number, seconds) for number, seconds in ((1, 1.0), (2, 2.0), (3, 10.0))]

    assert "| gridtwin | durable | 1 | 1,000 | 500 (100 to 1,000) |" in report.table(result(*runs))


def test_a_system_that_is_not_exact_has_no_figures() -> None:
    shown = report.table(result(run("gridtwin", 1, 1.0), run("Faust", 1, 1.0, exact=False)))

    assert "| Faust | - | - | - | - | - | - | - | - | - | 0 of 1 |" in shown


def test_a_failed_run_has_no_figures() -> None:
    failed = {"system": "Faust", "round": 1, "exact": False, "error": "it ended"}

    assert "0 of 1 |" in report.table(result(run("gridtwin", 1, 1.0), failed))
    assert "Faust" not in report.plot(result(run("gridtwin", 1, 1.0), failed))


def test_a_busy_machine_is_told() -> None:
    assert "busy" in report.table(result(run("gridtwin", 1, 1.0), is_busy=True))
    assert "busy" not in report.table(result(run("gridtwin", 1, 1.0)))


def test_the_plot_has_a_bar_per_system_the_fastest_first() -> None:
    drawn = ElementTree.fromstring(report.plot(result(run("Faust", 1, 1.0), run("gridtwin", 1, 0.1))))
    bars = [one for one in drawn if one.get("class") == "bar"]

    assert [float(bar.attrib["width"]) for bar in bars] == [215.0, 107.5]
    assert [float(bar.attrib["y"]) for bar in bars] == [60.0, 92.0]


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"

    assert report.between(page, "new\n") == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_a_result_becomes_a_table_and_a_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks.md").write_text(f"{report.BEGIN}\n{report.END}\n")
    (tmp_path / "result.json").write_text(json.dumps(result(run("gridtwin", 1, 1.0))))
    monkeypatch.setattr(report, "DOCS", tmp_path)
    monkeypatch.setattr("sys.argv", ["report.py", str(tmp_path / "result.json")])

    assert report.main() == 0
    assert report.table(result(run("gridtwin", 1, 1.0))) in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks.svg").read_text() == report.plot(result(run("gridtwin", 1, 1.0)))


def test_the_page_has_the_markers() -> None:
    page = (report.DOCS / "benchmarks.md").read_text()

    assert page.count(report.BEGIN) == page.count(report.END) == 1


def test_a_slow_peer_gets_whole_windows_and_two_at_least() -> None:
    assert FAUST.world(World(sites=1, duration_s=900)).duration_s == 120
    assert FAUST.world(World(sites=1, duration_s=300)).duration_s == 120
    assert FAUST.world(World(sites=1, duration_s=60)).duration_s == 60


@pytest.mark.parametrize("folder", sorted({plan.folder for plan in ALL}))
def test_a_peer_says_what_it_leaves_out(folder: str) -> None:
    assert "\nLeaves out: " in (PEERS / folder / "README.md").read_text()


@pytest.mark.parametrize("folder", sorted({plan.folder for plan in ALL if plan.folder != "kafka_streams"}))
def test_a_peer_pins_what_it_needs(folder: str) -> None:
    lines = (PEERS / folder / "requirements.txt").read_text().split()

    assert [line for line in lines if "==" not in line] == []


def test_the_devices_of_a_world_are_of_its_kind() -> None:
    _, homes = make_world(Shape(sites=2, kinds=("load", "pv")), Random(1))
    _, full = make_world(Shape(sites=1, devices_per_site=3, kinds=("load", "pv")), Random(1))

    assert [unit.kind for home in homes for unit in home.units] == ["load", "load"]
    assert [unit.kind for unit in full[0].units] == ["load", "pv", "load"]


def test_a_fanout_may_differ_by_level() -> None:
    shape = Shape(fanout=FANOUT)

    assert [shape.sites_below(depth) for depth in range(3)] == [25, 500, 12_500]
    assert [Shape(fanout=(2, 10)).sites_below(depth) for depth in range(4)] == [2, 20, 200, 2_000]
    assert [Shape(fanout=3).sites_below(depth) for depth in range(3)] == [3, 9, 27]
