"""Rows against the truth, by ==: whatever is planted in a published row is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.dataset.format import Dataset
from app.domain.contracts import WindowKind
from app.verify.compare import FIELDS, Report, compare, load_truth
from app.verify.conservation import Ledger, ledger_faults
from app.verify.published import Key, Row
from tests.worlds import World, device

NOON_MS = 1_464_782_400_000
Rows = dict[Key, Row]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two sites on two feeders for two minutes."""
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 120_000)
    world.node("top", "grid")
    for number in (1, 2):
        world.node(f"f{number}", "feeder", "top")
        world.site(f"s{number}", f"f{number}", d=device("battery", capacity_wh=100, interval_s=60))
        for minute in (0, 1):
            world.say(f"s{number}", "d", NOON_MS + minute * 60_000, number * 10 + minute, soc=number)
    return Dataset(world.write(tmp_path / "d"))


def published(dataset: Dataset) -> Rows:
    """Return rows that are what the truth says."""
    rows = {}
    for key, kinds in load_truth(dataset).items():
        soc = {
            one.device: one.state_of_charge_wh for one in dataset.soc_truth() if key == (one.site, one.window_start_ms)
        }
        named = {name: WindowKind(*numbers) for name, numbers in kinds.items()}  # type: ignore[arg-type]
        rows[key] = Row(*key, 1, "final", named, soc)
    return rows


def compared(dataset: Dataset, rows: Rows) -> Report:
    return compare(load_truth(dataset), dataset.soc_truth(), dataset, rows)


def test_rows_that_are_the_truth_pass(dataset: Dataset) -> None:
    report = compared(dataset, published(dataset))

    assert report.passed
    assert (report.equal, report.rows, report.soc_equal, report.soc_rows) == (20, 20, 4, 4)


def changed(row: Row, kind: str, **numbers: int) -> Row:
    held = msgspec.structs.replace(row.kinds[kind], **numbers)  # type: ignore[arg-type]
    return msgspec.structs.replace(row, kinds={**row.kinds, kind: held})


TOP = ("top", NOON_MS)
SITE = ("s1", NOON_MS)
AT = "2016-06-01T12:00:00Z"


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("kind", ["all", "battery"])
def test_every_number_of_every_kind_is_compared(field: str, kind: str, dataset: Dataset) -> None:
    rows = published(dataset)
    rows[TOP] = changed(rows[TOP], kind, **{field: 777})

    report = compared(dataset, rows)

    assert not report.passed
    assert report.equal == 19
    assert report.differences[0].startswith(f"top {AT} {kind}: {field} 777, expected ")
    assert report.different_keys == [TOP]


def lose(rows: Rows) -> None:
    del rows[TOP]


def lose_a_kind(rows: Rows) -> None:
    rows[TOP] = msgspec.structs.replace(rows[TOP], kinds={"all": rows[TOP].kinds["all"]})


def swap(rows: Rows) -> None:
    rows[SITE], rows["s2", NOON_MS] = rows["s2", NOON_MS], rows[SITE]


def leave_open(rows: Rows) -> None:
    rows[TOP] = msgspec.structs.replace(rows[TOP], status="provisional")


def hear_of_nobody(rows: Rows) -> None:
    rows["nobody", NOON_MS] = msgspec.structs.replace(rows[TOP], node="nobody")


def expect_in_vain(rows: Rows) -> None:
    kinds = {"pv": WindowKind(0, 0, 0, 0, 0, 1, 0, 0, 60)}  # type: ignore[arg-type]
    rows[TOP] = msgspec.structs.replace(rows[TOP], kinds={**rows[TOP].kinds, **kinds})


def expect_a_stranger(rows: Rows) -> None:
    kinds = {"all": WindowKind(0, 0, 0, 0, 0, 1, 0, 0, 60)}  # type: ignore[arg-type]
    rows["nobody", NOON_MS] = msgspec.structs.replace(rows[TOP], kinds=kinds)


def hear_after_the_end(rows: Rows) -> None:
    rows["top", NOON_MS + 120_000] = rows[TOP]


def charge_otherwise(rows: Rows) -> None:
    rows[SITE] = msgspec.structs.replace(rows[SITE], state_of_charge_wh={"s1/d": 2})


def forget_the_charge(rows: Rows) -> None:
    rows[SITE] = msgspec.structs.replace(rows[SITE], state_of_charge_wh={})


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lose, f"top {AT} all: not published"),
        (lose_a_kind, f"top {AT} battery: no such kind was published"),
        (swap, f"s1 {AT} all: sum_w 20, expected 10"),
        (leave_open, f"top {AT}: still provisional, expected final"),
        (hear_of_nobody, f"nobody {AT} all: readings 2, expected 0"),
        (expect_in_vain, f"top {AT} pv: devices_expected 1, expected 0"),
        (expect_a_stranger, f"nobody {AT} all: devices_expected 1, expected 0"),
        (hear_after_the_end, "top 2016-06-01T12:02:00Z all: readings 2, expected 0"),
        (charge_otherwise, f"s1 {AT} s1/d: state of charge 2 Wh, expected 1"),
        (forget_the_charge, f"s1 {AT} s1/d: state of charge None Wh, expected 1"),
    ],
)
def test_what_is_wrong_in_what_was_published_is_found(
    plant: Callable[[Rows], None], said: str, dataset: Dataset
) -> None:
    rows = published(dataset)
    plant(rows)

    report = compared(dataset, rows)

    assert not report.passed
    assert any(line.startswith(said) for line in report.differences), report.differences
    assert report.different_keys


def test_a_row_that_is_not_final_is_not_equal(dataset: Dataset) -> None:
    rows = published(dataset)
    leave_open(rows)

    assert compared(dataset, rows).equal == 18


def test_a_corrected_row_is_final(dataset: Dataset) -> None:
    rows = published(dataset)
    rows[TOP] = msgspec.structs.replace(rows[TOP], status="corrected")

    assert compared(dataset, rows).passed


def test_windows_beyond_the_dataset_may_expect_what_nobody_says(dataset: Dataset) -> None:
    rows = published(dataset)
    silent = {"all": WindowKind(0, 0, 0, 0, 0, 2, 0, 0, 120)}  # type: ignore[arg-type]
    rows["top", NOON_MS + 120_000] = msgspec.structs.replace(rows[TOP], kinds=silent)

    assert compared(dataset, rows).passed


BALANCED = Ledger(records=25, ticks=5, readings=20, applied=10, duplicate=5, conflicting=2, rejected=3)


@pytest.mark.parametrize("field", ["readings", "applied", "duplicate", "conflicting", "rejected"])
def test_a_partition_that_does_not_add_up_is_found(field: str) -> None:
    wrong = BALANCED._replace(**{field: 1})

    (fault, *_) = ledger_faults({3: wrong}, wrong.applied)

    assert fault.startswith(f"partition 3: {wrong.readings} readings, but {wrong.applied} applied + ")


def test_partitions_that_add_up_and_hold_the_dataset_pass() -> None:
    assert ledger_faults({0: BALANCED, 1: BALANCED}, 20) == []
    assert ledger_faults({0: BALANCED, 1: BALANCED}, 21) == ["20 readings applied, the dataset has 21"]
