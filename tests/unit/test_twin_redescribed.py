"""A site's own closed windows follow what its devices turn out to have been."""

from __future__ import annotations

import pytest

from app.domain.contracts import Edge, SiteRecord
from app.domain.twin import SitePartition
from app.domain.twin_say import RESTATED_AT_ONCE
from tests.builders import NOON_MS, Disk, Heard, Log, a_device, a_site, a_village, flush, hear

WINDOW_MS = 900_000
GRACE_MS = 120_000
AS_PV = a_site("feeder-1", devices=[a_device("load-a", kind="pv")])


def closed(disk: Disk, *, windows: int = 1) -> tuple[SitePartition, Log]:
    """Sites a and b said 1 W and 20 W in every window from noon on; all of them are closed, said and stored."""
    machine, log = a_village(disk), Log()
    log.tick(NOON_MS)
    for start_ms in range(NOON_MS, NOON_MS + windows * WINDOW_MS, WINDOW_MS):
        log.say("a", "load-a", start_ms, 1)
        log.say("b", "load-b", start_ms, 20)
    log.tick(NOON_MS + windows * WINDOW_MS + GRACE_MS)
    hear(machine, log)
    flush(machine, disk)
    return machine, log


def next_turn(machine: SitePartition, log: Log) -> Heard:
    log.tick(log.records[-1].timestamp + 1)
    return hear(machine, log)


def sums(heard: Heard) -> dict[str, dict[str, int]]:
    return {key: {kind: one["sum_w"] for kind, one in row["kinds"].items()} for key, row in heard.site_windows.items()}


def test_a_kind_that_is_corrected_is_corrected_in_the_sites_closed_windows_too() -> None:
    machine, log = closed(Disk())
    machine.learn_site("a", AS_PV, 1)
    heard = next_turn(machine, log)

    assert sums(heard) == {f"a|{NOON_MS}": {"all": 1, "pv": 1}}
    row = heard.site_windows[f"a|{NOON_MS}"]
    assert (row["status"], row["revision"]) == ("corrected", log.records[-1].offset)
    assert next_turn(machine, log).site_windows == {}


def from_when(at_ms: int, kind: str = "load") -> SiteRecord:
    return a_site("feeder-1", devices=[a_device("load-a", kind=kind, from_ms=at_ms)])


def test_a_kind_that_is_corrected_is_corrected_in_windows_from_outside_its_validity_too() -> None:
    machine, log = closed(Disk())
    machine.learn_site("a", from_when(NOON_MS + 10 * WINDOW_MS), 1)
    next_turn(machine, log)
    machine.learn_site("a", from_when(NOON_MS + 10 * WINDOW_MS, "pv"), 2)
    heard = next_turn(machine, log)

    assert sums(heard) == {f"a|{NOON_MS}": {"all": 1, "pv": 1}}
    assert heard.windows("feeder-1")[NOON_MS].kinds["pv"].sum_w == 1


@pytest.mark.parametrize("kind", ["load", "pv"])
def test_a_device_that_went_and_comes_back_counts_again_wherever_it_was_heard(kind: str) -> None:
    machine, log = closed(Disk())
    machine.learn_site("a", a_site("feeder-1", devices=[]), 1)
    gone = next_turn(machine, log)
    machine.learn_site("a", from_when(NOON_MS + 10 * WINDOW_MS, kind), 2)
    heard = next_turn(machine, log)

    def sums_of(one: Heard) -> dict[str, int]:
        return {name: total.sum_w for name, total in one.windows("feeder-1")[NOON_MS].kinds.items()}

    assert sums_of(gone) == {"load": 20}
    assert sums_of(heard) == ({"load": 21} if kind == "load" else {"load": 20, "pv": 1})


def test_a_late_reading_meets_the_devices_as_they_are_said() -> None:
    machine, log = closed(Disk())
    machine.learn_site("a", AS_PV, 1)
    log.say("a", "load-a", NOON_MS + 60_000, 10, arrived_ms=log.records[-1].timestamp)

    assert sums(hear(machine, log)) == {f"a|{NOON_MS}": {"all": 11, "pv": 11}}


def test_a_site_that_only_moves_says_its_own_windows_once() -> None:
    machine, log = closed(Disk())
    machine.learn_site("a", a_site(Edge("feeder-2"), devices=[a_device("load-a")]), 1)

    assert next_turn(machine, log).site_windows == {}


def test_what_changed_while_nobody_read_is_found_after_a_restart() -> None:
    disk = Disk()
    _, log = closed(disk)
    machine = a_village(disk)
    machine.learn_site("a", AS_PV, 1)

    assert sums(next_turn(machine, log)) == {f"a|{NOON_MS}": {"all": 1, "pv": 1}}


def test_a_restart_goes_on_where_only_some_windows_were_said_again() -> None:
    disk = Disk()
    machine, log = closed(disk, windows=RESTATED_AT_ONCE + 2)
    machine.learn_site("a", AS_PV, 1)
    said = sums(next_turn(machine, log))
    flush(machine, disk)
    restarted = a_village(disk)
    restarted.learn_site("a", AS_PV, 1)
    said |= sums(next_turn(restarted, log)) | sums(next_turn(restarted, log))
    flush(restarted, disk)

    assert said == {f"a|{NOON_MS + number * WINDOW_MS}": {"all": 1, "pv": 1} for number in range(RESTATED_AT_ONCE + 2)}
    again = a_village(disk)
    again.learn_site("a", AS_PV, 1)
    assert sums(next_turn(again, log)) == {}


def test_what_is_said_after_a_crash_is_no_older_than_the_row_of_the_site_that_it_is_made_of() -> None:
    """The first owner corrected a window from before its time, and died once the site's row was written."""
    disk = Disk()
    machine, log = a_village(disk), Log()
    log.say("b", "load-b", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS - 2 * WINDOW_MS, 1)
    key = f"a|{NOON_MS - 2 * WINDOW_MS}"
    first = hear(machine, log).site_windows[key]
    disk.write([*machine.announce(), machine.remember()[0]])
    machine = a_village(disk)
    machine.learn_site("a", AS_PV, 1)
    again = hear(machine, log).site_windows[key]

    assert (first["revision"], first["status"]) == (1, "corrected")
    assert again["revision"] >= 1
    assert again["kinds"].keys() == {"all", "pv"}
