"""A dataset that is played again and again."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from app.cli.replay import replay
from app.dataset.format import META, TELEMETRY, Meta
from app.replay.repeat import DAY_MS, RepeatedDataset
from tests.builders import NOON_MS

MINUTE_MS = 60_000


def a_dataset(directory: Path, *values: Any, duration_ms: int = 20 * MINUTE_MS) -> RepeatedDataset:
    """Write a dataset of records a minute apart, and repeat it."""
    meta = Meta(name="one", window_s=900, start_ms=NOON_MS, end_ms=NOON_MS + duration_ms, tick_s=60, levels=(),
                sites=0, devices=0, readings=len(values), truth_rows=0)  # fmt: skip
    lines = [{"site": "s-1", "arrived_at_ms": NOON_MS + n * MINUTE_MS, "value": one} for n, one in enumerate(values)]
    (directory / META).write_bytes(msgspec.json.encode(meta))
    (directory / TELEMETRY).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return RepeatedDataset(directory)


def a_reading(power_w: float, at_ms: int = NOON_MS) -> dict[str, Any]:
    return {"device": "d-1", "measured_at_ms": at_ms, "active_power_w": power_w}


def played(dataset: RepeatedDataset, count: int) -> list[tuple[int, Any]]:
    """Return when the first records arrive, after noon, and what they hold."""
    return [(one.arrived_at_ms - NOON_MS, json.loads(bytes(one.value))) for one in islice(dataset.telemetry(), count)]


def test_the_second_pass_is_measured_and_arrives_a_day_after_the_first(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path, a_reading(1), a_reading(2.5, NOON_MS + MINUTE_MS))

    assert played(dataset, 5) == [
        (0, a_reading(1)),
        (MINUTE_MS, a_reading(2.5, NOON_MS + MINUTE_MS)),
        (DAY_MS, a_reading(1, NOON_MS + DAY_MS)),
        (DAY_MS + MINUTE_MS, a_reading(2.5, NOON_MS + MINUTE_MS + DAY_MS)),
        (2 * DAY_MS, a_reading(1, NOON_MS + 2 * DAY_MS)),
    ]


def test_every_reading_of_a_packed_upload_moves(tmp_path: Path) -> None:
    dataset = a_dataset(tmp_path, [a_reading(1), a_reading(20, NOON_MS - 1)])

    assert played(dataset, 2)[1] == (DAY_MS, [a_reading(1, NOON_MS + DAY_MS), a_reading(20, NOON_MS - 1 + DAY_MS)])


@pytest.mark.parametrize(("duration_ms", "days"), [(1, 1), (DAY_MS, 1), (DAY_MS + 1, 2), (25 * 3_600_000, 2)])
def test_a_pass_takes_the_whole_days_into_which_the_dataset_fits(tmp_path: Path, duration_ms: int, days: int) -> None:
    dataset = a_dataset(tmp_path, a_reading(1), duration_ms=duration_ms)

    assert played(dataset, 2)[1][0] == days * DAY_MS


@pytest.mark.parametrize("options", [[], ["--over", "10"], ["--speed", "60", "--over", "10"]])
def test_a_loop_without_an_end_needs_a_speed(tmp_path: Path, options: list[str]) -> None:
    a_dataset(tmp_path, a_reading(1))

    result = CliRunner().invoke(replay, [str(tmp_path), "--loop", *options])

    assert result.exit_code == 2
    assert "--loop has no end: say --speed or --until" in result.output
