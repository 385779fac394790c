"""Makes docs/states.md: each state machine is driven to each of its states, then given each event.

python -m tests.states
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from app.domain import twin
from app.domain.connectivity import Connectivity
from app.domain.operation import IDLE_SHARE, KNOWN_KINDS, operation_of
from app.domain.twin import SitePartition
from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, flush, hear, some_rules

PAGE = Path(__file__).parents[1] / "docs" / "states.md"
S = 1_000
INTERVAL_MS = 60 * S
DELAYED_MS, OFFLINE_MS = 3 * INTERVAL_MS, 10 * INTERVAL_MS
OUTAGE_MS = 6 * 3_600 * S
RULES = some_rules(attended_gap_ms=900 * S, tick_ms=1 * S)
SITE = {"street": a_node("feeder"), "s": a_site("street", devices=[a_device("d", kind="battery", interval_s=60)])}


class Driven:
    """A machine with one site, and the time of its log; a tick every minute, as an owner would write."""

    def __init__(self) -> None:
        self.disk, self.log = Disk(), Log()
        self.machine: SitePartition = a_partition(RULES, self.disk, SITE)
        self.now_ms = NOON_MS
        self.log.tick(self.now_ms)
        self.steps: list[dict[str, object]] = []

    def heard(self) -> None:
        self.log.say("s", "d", self.now_ms, 1)

    def late(self) -> None:
        self.log.say("s", "d", self.now_ms - DELAYED_MS - 1, 1, arrived_ms=self.now_ms)

    def passes(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            self.now_ms = min(self.now_ms + INTERVAL_MS, end_ms)
            self.log.tick(self.now_ms)

    def outage(self) -> None:
        self.now_ms += OUTAGE_MS
        self.log.tick(self.now_ms)

    def settle(self) -> None:
        self.steps += hear(self.machine, self.log).transitions
        flush(self.machine, self.disk)

    @property
    def connectivity(self) -> Connectivity:
        self.settle()
        return self.machine.state.sites["s"].connectivity

    @property
    def is_quarantined(self) -> bool:
        self.settle()
        return self.machine.state.sites["s"].quarantined_at is not None


def _online(site: Driven) -> None:
    site.heard()


def _delayed(site: Driven) -> None:
    site.heard()
    site.passes(DELAYED_MS)


def _offline(site: Driven) -> None:
    site.heard()
    site.passes(OFFLINE_MS)


def _recovering(site: Driven) -> None:
    _offline(site)
    site.heard()


STATES: dict[str, Callable[[Driven], None]] = {
    "never_seen": lambda _: None,
    "online": _online,
    "delayed": _delayed,
    "offline": _offline,
    "recovering": _recovering,
}


def _again(site: Driven) -> None:
    """Two records in a row bring a site back; one that is recovering has had its first."""
    site.heard()
    site.settle()
    if site.connectivity is not Connectivity.ONLINE:
        site.passes(INTERVAL_MS)
        site.heard()


def _now_and_then(site: Driven) -> None:
    """Each a delayed threshold after the one before: never two in a row."""
    for _ in range(5):
        site.passes(DELAYED_MS)
        site.heard()


EVENTS: dict[str, tuple[str, Callable[[Driven], None]]] = {
    "heard": ("one record with a reading that is not older than the delayed threshold", Driven.heard),
    "heard in a row": ("`VPP_RECOVER_READINGS` of them, none a delayed threshold after the one before", _again),
    "heard now and then": ("one, whenever the delayed threshold has just passed", _now_and_then),
    "late": ("a record whose readings are all older: a backlog", Driven.late),
    "short silence": ("attended time passes the delayed threshold", lambda site: site.passes(DELAYED_MS)),
    "long silence": ("attended time passes the offline threshold", lambda site: site.passes(OFFLINE_MS)),
    "our outage": ("nothing at all is in the log, for hours", Driven.outage),
}


class Cell(NamedTuple):
    """What an event makes of a state, with the transitions on the way."""

    after: str
    path: tuple[str, ...]


def connectivity_cell(state: str, event: str) -> Cell:
    """Drive a site into a state, give it an event, and look."""
    site = Driven()
    STATES[state](site)
    if site.connectivity.word != state:
        raise AssertionError(f"{state} cannot be reached: {site.connectivity.word}")
    site.steps = []
    EVENTS[event][1](site)
    after = site.connectivity.word
    return Cell(after, tuple(str(one["after"]) for one in site.steps if one["machine"] == "connectivity"))


QUARANTINE_STATES: dict[str, Callable[[Driven], None]] = {
    "folding": lambda _: None,
    "quarantined": lambda site: _raise(site),
}


def _raise(site: Driven) -> None:
    with mock.patch.object(twin, "fold_reading", side_effect=ZeroDivisionError("a bug")):
        site.heard()
        site.settle()


def _restart(site: Driven) -> None:
    site.settle()
    site.machine = a_partition(RULES, site.disk, SITE)


QUARANTINE_EVENTS: dict[str, tuple[str, Callable[[Driven], None]]] = {
    "a reading folds": ("", Driven.heard),
    "a reading raises": ("", _raise),
    "restart": ("its worker starts again and reads the same topology", _restart),
    "new topology record": ("its record is written again, as `gridtwin quarantine release` does",
                            lambda site: site.machine.learn_site("s", SITE["s"], 1)),  # type: ignore[arg-type]
}  # fmt: skip


def quarantine_cell(state: str, event: str) -> str:
    """The same for quarantine."""
    site = Driven()
    QUARANTINE_STATES[state](site)
    site.settle()
    QUARANTINE_EVENTS[event][1](site)
    return "quarantined" if site.is_quarantined else "folding"


RATED_W, CAPACITY_WH = 1_000, 100
INPUTS: dict[str, tuple[int, int | None]] = {
    "in": (RATED_W // IDLE_SHARE + 1, 50), "out": (-RATED_W // IDLE_SHARE - 1, 50), "rest": (0, 50),
    "rest, charge 0": (0, 0), "rest, charge at capacity": (0, CAPACITY_WH), "rest, charge unknown": (0, None),
}  # fmt: skip


def operation_cell(kind: str, given: str) -> str:
    """Return what a device of a kind does."""
    power_w, soc_wh = INPUTS[given]
    after = operation_of(kind, active_power_w=power_w, rated_power_w=RATED_W, state_of_charge_wh=soc_wh,
                         usable_capacity_wh=CAPACITY_WH)  # type: ignore[arg-type]  # fmt: skip
    return after or "none"


def _table(corner: str, columns: Iterable[str], rows: Iterable[tuple[str, list[str]]]) -> str:
    heads = [corner, *columns]
    lines = [heads, ["---"] * len(heads), *([name, *cells] for name, cells in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _shown(state: str, cell: Cell) -> str:
    passed = [one for one in cell.path if one != cell.after]
    same = "**" if cell.after != state else ""
    return f"{same}{cell.after}{same}" + (f" (by {', '.join(dict.fromkeys(passed))})" if passed else "")


def page() -> str:
    """Return the document."""
    connectivity = _table("state", EVENTS, (
        (state, [_shown(state, connectivity_cell(state, event)) for event in EVENTS]) for state in STATES
    ))  # fmt: skip
    quarantine = _table("state", QUARANTINE_EVENTS, (
        (state, [quarantine_cell(state, event) for event in QUARANTINE_EVENTS]) for state in QUARANTINE_STATES
    ))  # fmt: skip
    operation = _table("kind", INPUTS, (
        (kind, [operation_cell(kind, given) for given in INPUTS]) for kind in [*sorted(KNOWN_KINDS), "any other"]
    ))  # fmt: skip
    return TEXT.format(connectivity=connectivity, quarantine=quarantine, operation=operation,
                       events=_meanings(EVENTS), quarantine_events=_meanings(QUARANTINE_EVENTS))  # fmt: skip


def _meanings(events: dict[str, tuple[str, Callable[[Driven], None]]]) -> str:
    return "\n".join(f"- *{name}*: {meaning}." for name, (meaning, _) in events.items() if meaning)


TEXT = """\
# States

Made by `python -m tests.states`: each cell was found by driving the machine there. The tests hold every cell.

## Connectivity of a site

{connectivity}

{events}

Bold is another state than before; a transition is said for each step, in brackets those on the way. The thresholds
are `VPP_DELAYED_INTERVALS` and `VPP_OFFLINE_INTERVALS` times the shortest reporting interval of the devices that the
site has at the time; of all that it ever has, if it has none then.

**Silence is counted in attended time.** A step in a partition's log that is longer than `VPP_ATTENDED_GAP_S` counts
as one tick: a broker that was away, or workers that wrote no ticks, are our outage and nobody's silence. A transition
by silence is stamped at last heard + threshold, whenever it is noticed, and comes without a message from the site.
Our own lag changes nothing: the clock is the log's.

**A backlog is no sign of life.** What a site kept while it was away corrects its windows, as late as the horizon, and
leaves its connectivity as it is, until a reading comes that is fresh on arrival.

**A clock that is off** touches its own site only. Record times, which are Kafka's, close windows and decide what is
heard; what a device says of time chooses the window of its own reading, or has it rejected. `clock_skew_s` of the
twin says how far it is off.

## Operation of a device

What its latest reading says, whatever it did before. In is a power into the asset of more than 1/{idle} of its rated
power, out the same out of it, rest what is between. The charge is the last known.

{operation}

A device that falls silent keeps its last operation; `measured_at_ms` beside it says of when that is.

## Quarantine of a site

{quarantine}

{quarantine_events}
""".replace("{idle}", str(IDLE_SHARE))


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE, file=sys.stdout)
