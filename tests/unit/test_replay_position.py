"""A replay goes on where it stopped, only if it is the same replay into the same topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.dataset.format import Dataset
from app.replay.position import Course, PositionFile
from tests.worlds import World

COURSE = Course("localhost:9092", 1, (0.1, 0.0, 0.0, 0.0))


def a_file(directory: Path, course: Course = COURSE, *, end_ms: int = 60_000) -> PositionFile:
    world = World(start_ms=0, end_ms=end_ms)
    world.node("top", "grid")
    path = directory / f"dataset-{end_ms}"
    return PositionFile(directory / "replay", Dataset(path if path.exists() else world.write(path)), course)


def test_a_position_is_read_back(tmp_path: Path) -> None:
    assert a_file(tmp_path).read(0) is None

    a_file(tmp_path).write(1000, 20)

    held = a_file(tmp_path).read(20)
    assert held is not None
    assert (held.ticked_at_ms, held.records) == (1000, 20)


@pytest.mark.parametrize(
    "course",
    [COURSE._replace(broker="other:9092"), COURSE._replace(seed=2), COURSE._replace(shares=(0.2, 0.0, 0.0, 0.0))],
)
def test_another_course_begins_anew(course: Course, tmp_path: Path) -> None:
    a_file(tmp_path).write(1000, 20)

    assert a_file(tmp_path, course).read(20) is None


def test_another_dataset_of_the_same_name_begins_anew(tmp_path: Path) -> None:
    a_file(tmp_path).write(1000, 20)

    assert a_file(tmp_path, end_ms=120_000).read(20) is None


def test_a_topic_that_holds_less_than_was_published_begins_anew(tmp_path: Path) -> None:
    a_file(tmp_path).write(1000, 20)

    assert a_file(tmp_path).read(19) is None


def test_a_damaged_position_begins_anew(tmp_path: Path) -> None:
    a_file(tmp_path).write(1000, 20)
    (file,) = (tmp_path / "replay").iterdir()
    file.write_text("{")

    assert a_file(tmp_path).read(20) is None


def test_a_forgotten_position_begins_anew(tmp_path: Path) -> None:
    a_file(tmp_path).write(1000, 20)

    a_file(tmp_path).forget()

    assert a_file(tmp_path).read(20) is None
    assert list((tmp_path / "replay").iterdir()) == []
