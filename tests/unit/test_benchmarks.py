"""The benchmark's judgement and its report: a wrong row gives no figure, ratios are of one round."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest

from app.dataset.synthetic_world import Shape, make_world
from benchmarks import archive, processes, report, shapes
from benchmarks.contenders import ALL, FAUST, OWN_PLAIN, PEERS
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
    held = {"processor": "P", "cores": 2, "memory_bytes": 2**31, "load_before": 0.1, "is_busy": False, **machine}
    return {
        "kind": "bench", "shape": "minute", "is_quick": False, "job": "100 sites", "at": "2026-01-02T03:04:05Z",
        "machine": held, "versions": {"kafka": "4"}, "runs": [*runs],
    }  # fmt: skip


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

    assert "| Faust | - | - | - | - | - | - | - | - | - | - | - | 0 of 1 |" in shown


def test_a_failed_run_has_no_figures() -> None:
    failed = {"system": "Faust", "round": 1, "exact": False, "error": "it ended"}

    assert "0 of 1 |" in report.table(result(run("gridtwin", 1, 1.0), failed))
    assert "Faust" not in report.plot(result(run("gridtwin", 1, 1.0), failed))


def test_a_busy_machine_is_told() -> None:
    assert "busy" in report.table(result(run("gridtwin", 1, 1.0), is_busy=True))
    assert "busy" not in report.table(result(run("gridtwin", 1, 1.0)))


def test_a_machine_is_as_busy_as_its_processors_are_from_now_on(monkeypatch: pytest.MonkeyPatch) -> None:
    used, idle = processes.processor_ticks()
    assert used > 0
    assert idle > 0

    monkeypatch.setattr(processes, "processor_ticks", iter([(100, 1_000), (130, 1_070)]).__next__)
    assert processes.busy_share(0.0) == 0.3


def test_the_plot_has_a_bar_per_system_the_fastest_first() -> None:
    drawn = ElementTree.fromstring(report.plot(result(run("Faust", 1, 1.0), run("gridtwin", 1, 0.1))))
    bars = [one for one in drawn if one.get("class") == "bar"]

    assert [float(bar.attrib["width"]) for bar in bars] == [215.0, 107.5]
    assert [float(bar.attrib["y"]) for bar in bars] == [60.0, 92.0]


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = "before\n<!-- x: made by make report -->\nold\n<!-- end of x -->\nafter\n"

    made = report.between(page, "x", "new\n")

    assert made == "before\n<!-- x: made by make report -->\n\nnew\n\n<!-- end of x -->\nafter\n"


def test_a_page_without_the_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no <!-- y: made"):
        report.between("<!-- x: made by make report -->\n<!-- end of x -->", "y", "new")


def test_results_become_tables_and_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks.md").write_text("<!-- results: made by make report -->\n<!-- end of results -->\n")
    held = result(run("gridtwin", 1, 1.0))
    monkeypatch.setattr(report, "DOCS", tmp_path)
    monkeypatch.setattr(report, "newest", lambda kind: {"minute": held} if kind == "bench" else {})

    assert report.main() == 0
    assert report.table(held) in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks-minute.svg").read_text() == report.plot(held)


def test_a_whole_result_is_shown_though_a_quick_one_is_newer(tmp_path: Path) -> None:
    whole, quick = result(), {**result(), "is_quick": True, "at": "2026-02-02T03:04:05Z"}
    other = {**result(), "shape": "quarter", "is_quick": True}
    for name, one in (("a", whole), ("b", quick), ("c", other), ("d", {**whole, "kind": "size"})):
        archive.write(tmp_path / f"{name}.json", one)

    assert archive.newest("bench", tmp_path) == {"minute": whole, "quarter": other}


def test_recovery_that_was_not_measured_has_no_figure() -> None:
    runs = [run("gridtwin", 1, 1.0, recovery_warm_s=2.0, recovery_cold_s=None), run("gridtwin", 2, 1.0)]

    assert "| 2.0 | - | 2 of 2 |" in report.table(result(*runs))


def test_the_page_has_the_markers() -> None:
    page = (report.DOCS / "benchmarks.md").read_text()

    assert page.count("<!-- results: made by make report -->") == page.count("<!-- end of results -->") == 1


@pytest.mark.parametrize(
    ("given", "window_s", "kept"),
    [((300, 900), 60, (150, 120)), ((300, 300), 60, (50, 120)), ((30, 1800), 900, (2, 1800)), ((1, 60), 60, (1, 60))],
)
def test_a_slow_peer_gets_two_windows_at_least_and_then_fewer_sites(given: Any, window_s: int, kept: Any) -> None:
    mine = FAUST.world(World(sites=given[0], duration_s=given[1], window_s=window_s))

    assert (mine.sites, mine.duration_s) == kept


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


@pytest.mark.parametrize(("core", "ours"), [("plain", ["gridtwin"]), ("compiled", ["gridtwin", OWN_PLAIN.name])])
def test_a_compiled_core_is_measured_beside_its_source(core: str, ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "core", lambda: core)

    assert [plan.name for plan in shapes.plans(shapes.SHAPES["simbench"], is_quick=False)] == ours
    assert [plan.name for plan in shapes.plans(shapes.SHAPES["minute"], is_quick=True)] == [
        *ours, "Faust", "Quix Streams",
    ]  # fmt: skip
