"""A site whose folding raises is set aside; its neighbours go on; its operator lets it back."""

import pytest

from app.domain import twin
from app.domain.contracts import Reason
from tests.builders import NOON_MS, Disk, Log, a_device, a_site, a_village, flush, hear, learn, the_village

WINDOW_MS = 900_000


@pytest.fixture
def folding_of_a_raises(monkeypatch):
    fold = twin.fold_reading

    def raising(state, site, *rest):
        if site.name == "a":
            raise ZeroDivisionError("a bug of ours")
        fold(state, site, *rest)

    monkeypatch.setattr(twin, "fold_reading", raising)
    return monkeypatch


def three_readings() -> Log:
    log = Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("b", "load-b", NOON_MS, 20)
    log.say("a", "load-a", NOON_MS + 60_000, 2)
    return log


@pytest.mark.usefixtures("folding_of_a_raises")
def test_its_neighbours_go_on():
    heard = hear(a_village(), three_readings())

    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 20


@pytest.mark.usefixtures("folding_of_a_raises")
def test_its_records_are_rejected_as_internal_errors_that_one_included():
    machine, log = a_village(), three_readings()
    heard = hear(machine, log)

    assert [(one.record.offset, one.reason) for one in heard.rejections] == [
        (0, Reason.INTERNAL_ERROR),
        (2, Reason.INTERNAL_ERROR),
    ]
    assert machine.state.rejected == {"internal_error": 2}


@pytest.mark.usefixtures("folding_of_a_raises")
def test_the_alarm_is_one_transition_that_carries_what_was_raised():
    machine, log = a_village(), three_readings()
    heard = hear(machine, log, twins=True)

    assert [one["site"] for one in heard.transitions if one["machine"] == "quarantine"] == ["a"]
    assert "a bug of ours" in heard.transitions[0]["cause"]
    assert (heard.twins["a"]["quarantined"], heard.twins["b"]["quarantined"]) == (True, False)


def quarantined(monkeypatch, disk: Disk):
    machine, log = a_village(disk), three_readings()
    hear(machine, log)
    flush(machine, disk)
    monkeypatch.undo()
    return machine, log


def test_it_stays_set_aside_even_when_folding_would_work_again(folding_of_a_raises):
    machine, log = quarantined(folding_of_a_raises, Disk())
    log.say("a", "load-a", NOON_MS + 120_000, 100)

    assert [one.reason for one in hear(machine, log).rejections] == [Reason.INTERNAL_ERROR]


def test_it_stays_set_aside_after_a_restart_that_reads_the_same_topology(folding_of_a_raises):
    disk = Disk()
    _, log = quarantined(folding_of_a_raises, disk)
    restarted = a_village(disk)
    log.say("a", "load-a", NOON_MS + 120_000, 100)

    assert [one.reason for one in hear(restarted, log).rejections] == [Reason.INTERNAL_ERROR]


def test_a_newer_record_of_its_topology_lets_it_back(folding_of_a_raises):
    machine, log = quarantined(folding_of_a_raises, Disk())
    machine.learn_site("a", a_site("feeder-1", devices=[a_device("load-a")]), 1)
    log.say("a", "load-a", NOON_MS + 120_000, 100)
    heard = hear(machine, log, twins=True)

    assert heard.rejections == []
    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 120
    assert heard.twins["a"]["quarantined"] is False


def test_sites_that_are_set_aside_are_counted_over_a_restart_until_they_are_let_back(folding_of_a_raises):
    disk = Disk()
    machine, log = quarantined(folding_of_a_raises, disk)
    restarted = a_village(disk)
    before = set(machine.state.quarantined), set(restarted.state.quarantined)
    restarted.learn_site("a", a_site("feeder-1", devices=[a_device("load-a")]), 1)
    hear(restarted, log)

    assert before == ({"a"}, {"a"})
    assert restarted.state.quarantined == set()


def test_a_newer_record_of_another_site_does_not_let_it_back(folding_of_a_raises):
    machine, log = quarantined(folding_of_a_raises, Disk())
    machine.learn_site("b", a_site("feeder-1", devices=[a_device("load-b")]), 1)
    log.say("a", "load-a", NOON_MS + 120_000, 100)

    assert [one.reason for one in hear(machine, log).rejections] == [Reason.INTERNAL_ERROR]


@pytest.mark.usefixtures("folding_of_a_raises")
def test_what_it_said_before_stays_counted(monkeypatch):
    raising = twin.fold_reading
    monkeypatch.undo()
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    hear(machine, log)
    monkeypatch.setattr(twin, "fold_reading", raising)
    log.say("a", "load-a", NOON_MS + 60_000, 2)
    log.tick(NOON_MS + WINDOW_MS + 120_000)

    assert hear(machine, log).windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1


def test_an_exception_outside_the_fold_of_one_site_is_not_swallowed(monkeypatch):
    machine = a_village()
    monkeypatch.setattr(twin, "advance", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        machine.apply(three_readings().records, settled=True)
    assert machine.offset == -1


def test_learning_the_whole_topology_again_at_a_newer_offset_lets_every_site_back(folding_of_a_raises):
    machine, log = quarantined(folding_of_a_raises, Disk())
    learn(machine, the_village(), offset=2)
    log.say("a", "load-a", NOON_MS + 120_000, 100)

    assert hear(machine, log).rejections == []
