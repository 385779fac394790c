"""SimBench's day as a dataset: the grid, the readings and the truth that were compared with a second conversion."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.dataset import dataset as command
from app.dataset import simbench_wheel
from app.dataset.format import Dataset, Member
from app.errors import GridtwinError

DIGESTS = {
    "topology.jsonl": "c6cf48cfd64025c6aedf882ec059c31395b8a34807aa9b712f18f8968deabe15",
    "telemetry.jsonl": "34edc59c1aa808004b86b4e8baaef1794ad70cc19180a2b10e8bbc00831af554",
    "truth.csv": "7d2741479b22d32562b4972ec89702698507e57f5503c31d0dc9482a5a2a15c1",
    "soc_truth.csv": "a88356ce5cceda09a17d0d465e73883bdf3bf2d7d64b5b905c731793e1f8b348",
}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The day that the demo computes, made as the demo makes it."""
    try:
        simbench_wheel.fetch_wheel()
    except GridtwinError as error:
        pytest.skip(str(error))
    directory = tmp_path_factory.mktemp("simbench") / "day"
    assert CliRunner().invoke(command, ["simbench", str(directory)]).exit_code == 0
    return Dataset(directory)


def test_it_has_as_many_of_everything_as_the_source_says(day: Dataset) -> None:
    members = list(day.topology())
    sites = [one for one in members if one.type == "site"]

    assert (day.meta.sites, day.meta.devices, day.meta.readings) == (449, 654, 62_784) == (
        len(sites), sum(len(one.devices) for one in sites), sum(1 for _ in day.telemetry()))  # fmt: skip
    assert (day.meta.truth_rows, day.meta.soc_truth_rows) == (133_344, 2_880)
    assert Counter(one.level for one in members if one.type == "node") == {
        "grid": 1, "region": 1, "substation": 1, "mv_feeder": 6, "lv_grid": 8, "lv_feeder": 37, "group": 13,
    }  # fmt: skip
    assert Counter(device.kind for site in sites for device in site.devices) == {
        "load": 467, "pv": 114, "battery": 30, "ev_charger": 24, "heat_pump": 19,
    }  # fmt: skip


def test_it_is_byte_for_byte_what_was_compared_row_by_row(day: Dataset) -> None:
    for name, digest in DIGESTS.items():
        assert hashlib.sha256(gzip.decompress(day.path(name).read_bytes())).hexdigest() == digest, name


def test_every_row_of_its_truth_is_there_once(day: Dataset) -> None:
    rows = list(day.truth())

    assert len(rows) == len({row[:3] for row in rows}) == 133_344
    assert len({row.window_start_ms for row in rows}) == 96


def test_the_top_is_the_sum_of_all_readings(day: Dataset) -> None:
    powers = [json.loads(bytes(one.value))["active_power_w"] for one in day.telemetry()]
    top = [row for row in day.truth() if row.node == "EHV1" and row.kind == "all"]

    assert sum(row.sum_w for row in top) == sum(powers)
    assert sum(row.energy_import_j for row in top) == 900 * sum(power for power in powers if power > 0)
    assert sum(row.energy_export_j for row in top) == -900 * sum(power for power in powers if power < 0)


def test_a_parent_is_the_sum_of_its_children(day: Dataset) -> None:
    members = {one.id: one for one in day.topology()}
    sums = {(row.window_start_ms, row.node): row[3:] for row in day.truth() if row.kind == "all"}

    for start_ms, children in _children(members, "lv_grid", sums):
        assert children[0] == children[1], start_ms


def _children(members: dict[str, Member], level: str, sums: dict[tuple[int, str], tuple[object, ...]]) -> Iterator[
    tuple[int, tuple[list[int], list[int]]]
]:  # fmt: skip
    """Yield the numbers of each node of a level, and those of everything directly below it added up."""
    below: dict[str, list[str]] = {}
    for one in members.values():
        for edge in one.parents:
            below.setdefault(edge.node, []).append(one.id)
    for (start_ms, node), numbers in sums.items():
        if node in members and members[node].level == level:
            added = [sum(column) for column in zip(*(sums[start_ms, one] for one in below[node]), strict=True)]
            yield start_ms, (list(numbers), added)


def test_a_wheel_of_another_checksum_is_removed_and_told(tmp_path: Path) -> None:
    wheel = tmp_path / simbench_wheel.NAME
    wheel.write_bytes(b"not the wheel")

    with pytest.raises(GridtwinError, match=r"has checksum .*, expected 8b48bdab.*; it was removed, run this again"):
        simbench_wheel.check(wheel)

    assert not wheel.exists()


def test_what_pip_cannot_fetch_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(
        GridtwinError, match=r"pip could not fetch simbench 1.6.3 \(.*\); give it a network or an index"
    ):
        simbench_wheel.fetch_wheel()

    assert list((tmp_path / "gridtwin").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--mv", "MV9.9"), "SimBench has no LV grids below 'MV9.9'; it has some below MV1.101"),
        (("--start", "2017-01-01"), "SimBench has no data for 2017-01-01; its year is 2016"),
    ],
)
def test_what_the_source_does_not_have_is_told(
    options: tuple[str, ...], why: str, day: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(GridtwinError, match=why):
        CliRunner().invoke(command, ["simbench", str(tmp_path / "d"), *options], catch_exceptions=False)

    assert list(tmp_path.iterdir()) == []
