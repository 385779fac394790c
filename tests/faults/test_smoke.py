"""One fault of each kind in one run of a real plant: every checker holds, and each is seen to fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.case import Case
from tests.faults.checkers import CHECKERS, Checker
from tests.faults.evidence import Evidence
from tests.faults.matrix import ROWS
from tests.faults.planted import SPOILED, Spoiled
from tests.faults.trial import Trial

pytestmark = pytest.mark.broker

SEED = 7


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    row = ROWS["smoke"]
    trial = Trial(tmp_path_factory.mktemp("faults") / "run", row.layout, SEED)
    try:
        trial.begin()
        row.act(trial, row.least)
        trial.heal()
        yield trial
    finally:
        trial.clean_up()


@pytest.fixture(scope="module")
def evidence(trial: Trial) -> Evidence:
    return trial.evidence()


@pytest.fixture(scope="module")
def case(evidence: Evidence) -> Case:
    return Case(evidence)


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker.name)
def test_everything_holds_after_one_fault_of_each_kind(checker: Checker, case: Case) -> None:
    assert list(checker.find(case))[:5] == []


def test_there_was_something_to_compare(trial: Trial, evidence: Evidence, case: Case) -> None:
    assert trial.faults == ROWS["smoke"].least
    assert len(case.totals.nodes) > 50
    assert evidence.predicted
    assert sum(len(disk.rows) for disks in evidence.disks.values() for disk in disks) > 100


@pytest.mark.parametrize("spoiled", SPOILED, ids=lambda spoiled: spoiled.name)
def test_what_a_bug_would_leave_behind_is_seen(spoiled: Spoiled, evidence: Evidence) -> None:
    checker = next(one for one in CHECKERS if one.name == spoiled.checker)

    assert list(checker.find(Case(spoiled.spoil(evidence)))) != []
