"""A dataset is read whole or refused in one sentence; it is written whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.dataset.format import Dataset, DatasetError, Member, Meta, read_topology
from app.dataset.truth import SocTruthRow, TruthRow
from app.dataset.writer import DatasetWriter
from tests.worlds import World, device

NOON_MS = 1_464_782_400_000
ODD = ("a/b c|d", 'quo"te, comma', "שלום", "日本 🔋", "two\nlines\r", "=1+1", "null", " blank ", "\\n")


def a_world(*names: str) -> World:
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 120_000)
    world.node("top", "grid")
    for name in names or ("s1", "s2"):
        world.site(name, "top", d=device("battery", capacity_wh=100))
        world.say(name, "d", NOON_MS + 1, 10, soc=20)
        world.say(name, "d", NOON_MS + 60_000, -20, soc=10)
    return world


def read_whole(directory: Path) -> tuple[list[object], ...]:
    dataset = Dataset(directory)
    dataset.check()
    parts = dataset.topology(), dataset.telemetry(), dataset.truth(), dataset.soc_truth()
    return tuple(list(part) for part in parts)


@pytest.mark.parametrize("name", ODD)
def test_an_id_of_any_characters_is_the_same_in_every_file(name: str, tmp_path: Path) -> None:
    topology, telemetry, truth, soc_truth = read_whole(a_world(name).write(tmp_path / "d"))

    assert topology[1].id == telemetry[0].site == soc_truth[0].site == name
    assert name in {row.node for row in truth}


def test_a_compressed_file_reads_as_a_plain_one(tmp_path: Path) -> None:
    directory = a_world().write(tmp_path / "d")
    plain = read_whole(directory)
    for file in [*directory.glob("*.jsonl"), *directory.glob("*.csv")]:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()

    assert read_whole(directory) == plain


def cut_last_line(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def cut_last_digit(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-2])


def lose_last_line(file: Path) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def cut_compressed(file: Path) -> None:
    squeezed = gzip.compress(file.read_bytes())
    file.with_name(f"{file.name}.gz").write_bytes(squeezed[: len(squeezed) // 2])
    file.unlink()


def damage_compressed(file: Path) -> None:
    squeezed = bytearray(gzip.compress(file.read_bytes()))
    squeezed[len(squeezed) // 2] ^= 255
    file.with_name(f"{file.name}.gz").write_bytes(squeezed)
    file.unlink()


def put_latin_1(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"s1", b"\xe9"))


@pytest.mark.parametrize("name", ["topology.jsonl", "telemetry.jsonl", "truth.csv", "soc_truth.csv"])
@pytest.mark.parametrize("harm", [cut_last_line, cut_last_digit, lose_last_line, cut_compressed, damage_compressed,
                                  put_latin_1, Path.unlink])  # fmt: skip
def test_a_damaged_file_is_refused_by_its_name(harm: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    directory = a_world().write(tmp_path / "d")
    harm(directory / name)

    with pytest.raises(DatasetError, match=name):
        read_whole(directory)


def test_a_number_that_is_none_is_refused_with_its_row(tmp_path: Path) -> None:
    directory = a_world().write(tmp_path / "d")
    truth = directory / "truth.csv"
    truth.write_text(truth.read_text().replace('"battery",1,10,', '"battery",1,1x0,', 1))

    with pytest.raises(DatasetError, match=r"truth.csv, row \d+: .*1x0.* is not window_start_ms,node"):
        list(Dataset(directory).truth())


def test_a_missing_directory_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a directory; make one with `gridtwin dataset simbench"):
        Dataset(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "not a dataset's description"), ('{"name":"x"}', "missing required field"), (None, "has no dataset.json")],
)
def test_a_description_that_is_none_is_refused(text: str | None, why: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "dataset.json").write_text(text)

    with pytest.raises(DatasetError, match=why):
        Dataset(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    directory = a_world().write(tmp_path / "d")
    meta = json.loads((directory / "dataset.json").read_text())
    (directory / "dataset.json").write_text(json.dumps({**meta, "schema": 2}))

    with pytest.raises(DatasetError, match="has schema 2; this version reads 1"):
        Dataset(directory)


def test_every_bad_line_of_a_topology_is_told(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text('{"type":"node","id":"a"}\nbad\n{"type":"site"}\n')

    one, two, three = read_topology(file)

    assert isinstance(one, Member)
    assert "line 2: JSON is malformed" in str(two)
    assert "line 3: Object missing required field `id`" in str(three)


A_META = Meta(name="m", window_s=60, start_ms=0, end_ms=1, tick_s=1, levels=("grid",), sites=0, devices=0, readings=1,
              truth_rows=1, soc_truth_rows=1)  # fmt: skip
TRUTH_ROW = TruthRow(0, "top", "all", *range(1, 10))
SOC_ROW = SocTruthRow(0, "s1", "d", 20)
LINE = b'{"site":"s1","arrived_at_ms":5,"value":{"a":1}}\n'


def write(directory: Path, *, fail: bool = False) -> None:
    with DatasetWriter(directory) as writer:
        writer.topology([Member(type="node", id="top", level="grid", hierarchy="grid")])
        writer.telemetry([LINE])
        writer.truth([TRUTH_ROW])
        if fail:
            raise KeyboardInterrupt
        writer.soc_truth([SOC_ROW])
        writer.finish(A_META)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    write(tmp_path / "d")

    dataset = Dataset(tmp_path / "d")
    assert dataset.meta == A_META
    assert list(dataset.truth()) == [TRUTH_ROW]
    assert list(dataset.soc_truth()) == [SOC_ROW]
    assert [one.arrived_at_ms for one in dataset.telemetry()] == [5]


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "d", fail=True)

    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_dataset_before_it_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "d")
    before = {file.name: file.read_bytes() for file in (tmp_path / "d").iterdir()}

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "d", fail=True)

    assert {file.name: file.read_bytes() for file in (tmp_path / "d").iterdir()} == before
    assert [one.name for one in tmp_path.iterdir()] == ["d"]


def test_a_dataset_is_replaced_whole(tmp_path: Path) -> None:
    a_world().write(tmp_path / "d")

    write(tmp_path / "d")

    assert [one.name for one in tmp_path.iterdir()] == ["d"]
    assert not (tmp_path / "d" / "telemetry.jsonl").exists()
    assert [one.site for one in Dataset(tmp_path / "d").telemetry()] == ["s1"]


@pytest.mark.parametrize("is_file", [True, False])
def test_what_is_no_dataset_is_never_replaced(is_file: bool, tmp_path: Path) -> None:
    mine = tmp_path / "d" if is_file else tmp_path / "d" / "thesis.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("years of work")

    with pytest.raises(DatasetError, match="is there already and is not a dataset"):
        write(tmp_path / "d")

    assert mine.read_text() == "years of work"
