"""What the usual reading costs, in calls: a count, not a time, so that it holds on any machine."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from app.domain import twin
from app.domain.twin import SitePartition
from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, some_rules

READINGS = 400
MOST_CALLS = 24
"""Python-level calls per reading; there are 23.6, of which one makes the reading."""


def a_warm_partition() -> SitePartition:
    """Return a partition that has heard every device in the window of the readings to come."""
    devices = [a_device(f"d{number}", interval_s=15) for number in range(20)]
    machine = a_partition(some_rules(), Disk(), {"top": a_node("grid"), "s": a_site("top", devices=devices)})
    machine.apply(a_log(0, 20).records, settled=True)
    return machine


def a_log(first: int, count: int) -> Log:
    log = Log()
    for number in range(first, first + count):
        log.say("s", f"d{number % 20}", NOON_MS + 700 * number, 100 + number % 7)
    log.records = [one._replace(offset=first + number) for number, one in enumerate(log.records)]
    return log


def calls_per_reading() -> float:
    machine, records = a_warm_partition(), a_log(20, READINGS).records
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal counted
        counted += event == "call" and "app" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        machine.apply(records, settled=True)
    finally:
        sys.setprofile(None)
    assert sum(site.applied for site in machine.state.sites.values()) == READINGS + 20
    return counted / READINGS


def test_the_usual_reading_takes_few_calls() -> None:
    assert calls_per_reading() <= MOST_CALLS


def test_the_count_notices_what_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    fold = twin.fold_reading
    before = calls_per_reading()

    def wrapped(*arguments: object) -> None:
        [str(number) for number in range(3)]
        fold(*arguments)  # type: ignore[arg-type]

    wrapped.__code__ = wrapped.__code__.replace(co_filename=fold.__code__.co_filename)
    monkeypatch.setattr(twin, "fold_reading", wrapped)

    assert calls_per_reading() >= before + 1
