"""The page tells what the lines hold: no failure has a bound, a failure is named, what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.report import bound, percentile, write


def a_run(**changes: Any) -> dict[str, Any]:
    return {
        "row": "F1", "seed": 7, "commit": "abc", "faults": 100, "records": 1_000, "rows": 20, "wrong": 0, "checks": {},
        "recovered_s": [1.0, 2.0, 10.0], "exits": {"1": 2}, **changes,
    }  # fmt: skip


def page_of(directory: Path, *runs: dict[str, Any]) -> str:
    results = directory / "faults.jsonl"
    results.write_text("".join(json.dumps(run) + "\n" for run in runs))
    write(results, directory / "faults.md")
    return (directory / "faults.md").read_text()


def test_runs_of_a_row_add_up(tmp_path: Path) -> None:
    page = page_of(tmp_path, a_run(), a_run(seed=8, recovered_s=[20.0]))
    row = next(line for line in page.splitlines() if line.startswith("| **F1**"))

    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "200", "500", "2,000", "40", "0", "1.5 %", "2.0", "20.0", "20.0", "0.0", "0", "4",
    ]  # fmt: skip
    assert (tmp_path / "faults.svg").read_text().count(">F1<") == 1


def test_a_failure_has_no_bound_and_is_named_with_its_seed(tmp_path: Path) -> None:
    page = page_of(tmp_path, a_run(wrong=2, seed=9, failed="waited for lag 0"))

    assert "- F1, seed 9, abc: **2 wrong**: waited for lag 0" in page
    assert " % |" not in page


def test_a_run_that_does_not_count_is_named_with_the_reason(tmp_path: Path) -> None:
    page = page_of(tmp_path, a_run(), a_run(wrong=2, seed=9, uncounted="mended since"))

    assert "- F1, seed 9, abc, not counted: mended since" in page
    assert "| 100 | 500 |" in page


def test_a_row_that_was_not_run_often_enough_is_said(tmp_path: Path) -> None:
    page = page_of(tmp_path, a_run())

    assert "- F1 worker kill -9, half with its disk, half without: 100 of at least 200" in page
    assert "- F2 killed at each crash point: 0 of at least 80" in page


def test_a_planted_bug_that_nobody_saw_is_said(tmp_path: Path) -> None:
    seen = {"row": "planted", "bug": "a", "kind": "worker", "seen_by": ["C1", "C2"]}
    page = page_of(tmp_path, a_run(), seen, {**seen, "bug": "b", "seen_by": []})

    assert "| a | worker | C1, C2 |" in page
    assert "| b | worker | **nobody** |" in page


@pytest.mark.parametrize(("faults", "wrong", "told"), [(200, 0, "1.5 %"), (1, 0, "100 %"), (200, 1, ""), (0, 0, "")])
def test_the_bound_is_three_by_the_number_of_trials(faults: int, wrong: int, told: str) -> None:
    assert bound(faults, wrong) == told


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.99, 4), (1.0, 4), (0.25, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert percentile([1, 2, 3, 4], share) == value
