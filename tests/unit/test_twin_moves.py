"""Sites that move while workers die: the last word on every node is that of the last topology."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.contracts import Contribution, Edge, SiteRecord, WindowTotals
from tests.builders import NOON_MS, Heard, Log, a_device, a_partition, a_site, learn, some_rules, the_village
from tests.unit.test_twin_restore import RULES, SENT, WINDOW_MS, Worker, a_log

INSTANTS = st.integers(-3, 4).map(lambda windows: NOON_MS + windows * WINDOW_MS + 1)
MOVES = st.tuples(st.sampled_from("abc"), st.sampled_from(["feeder-1", "feeder-2"]) | INSTANTS)
TURNS = st.lists(st.sampled_from(["apply", "say", "flush", "crash", "torn"]) | MOVES, max_size=20)


def a_record(site: str, where: str | int) -> SiteRecord:
    """A site on a feeder, or one that changes from the first to the second at an instant."""
    edges = [Edge(where)] if isinstance(where, str) else [Edge("feeder-1", 0, where), Edge("feeder-2", where)]
    return a_site(*edges, devices=[a_device(f"load-{site}")])


def content(one: Contribution) -> object:
    """Return what a share holds; a share without members is none."""
    if one.live is not None:
        return (one.live.kinds, one.live.sites, one.live.storage) if one.live.kinds else None
    return one.window if one.window and one.window.sites_expected else None


class MovingWorker(Worker):
    """A worker that follows topology, and a reader that ignores older versions as the rollup does."""

    def __init__(self, log: Log) -> None:
        self.topology, self.moves = the_village(), 0
        self.end = 0
        self.versions: dict[tuple[str, int | None], int] = {}
        super().__init__(log)

    def start(self) -> None:
        self.machine = a_partition(some_rules(**RULES), self.disk, {})
        learn(self.machine, self.topology, self.moves)
        self.machine.caught_up_at(self.end)
        self.position = int(self.machine.offset) + 1

    def turn(self, what: str | tuple[str, str | int], batch: int = 3) -> None:
        if isinstance(what, tuple):
            self.moves += 1
            self.topology[what[0]] = a_record(*what)
            learn(self.machine, {what[0]: self.topology[what[0]]}, self.moves)
        else:
            super().turn(what, batch)

    def say(self) -> None:
        said = self.machine.say()
        self.disk.write(self.machine.announce())
        self.end = max(self.end, int(self.machine.offset) + 1)
        for one in Heard(said).contributions:
            place = one.node, one.window_start_ms
            if one.version >= self.versions.get(place, -1):
                self.versions[place] = one.version
                self.said[place] = content(one)

    def finish(self) -> dict[tuple[str, int | None], object]:
        """Say the rest, which takes several turns: a few restated windows in each."""
        super().finish()
        for _ in range(20):
            self.log.tick(self.log.records[-1].timestamp)
            super().finish()
        return {place: what for place, what in self.said.items() if what is not None}


@given(SENT, TURNS)
@example([("a", 0, 6, 0)], ["apply", "say", "crash", ("c", "feeder-1")])
@example([("a", 0, 0, 0)] * 3 + [("a", 0, 6, 0)], ["apply", "flush", "apply", "torn", ("a", "feeder-2")])
def test_whenever_a_move_is_read_every_node_ends_with_its_members(sent, turns):
    crooked, straight = MovingWorker(a_log(sent)), MovingWorker(a_log(sent))
    for turn in turns:
        crooked.turn(turn)
    for move in turns:
        if isinstance(move, tuple):
            straight.turn(move)

    assert crooked.finish() == straight.finish()


@pytest.mark.parametrize("batch", [1, 2, 10])
def test_a_window_that_expires_before_a_former_owners_end_is_passed_is_said_by_the_new_topology(batch):
    """The former owner corrected a window, unstored; then a site moved, and the log jumps before that end."""
    log, closed_ms = Log(), NOON_MS + WINDOW_MS + RULES["grace_ms"]
    log.say("c", "load-c", NOON_MS, 20)
    log.tick(closed_ms)
    log.say("c", "load-c", NOON_MS + 1_000, 100, arrived_ms=closed_ms)
    for jump in (1, 2, 3):
        log.tick(closed_ms + jump * 2 * RULES["horizon_ms"])
    worker = MovingWorker(log)
    worker.turn("apply", 2)
    worker.turn("flush")
    worker.turn("apply", 1)
    worker.turn("say")
    worker.end = len(log.records)
    for turn in ("crash", ("c", "feeder-1"), "say"):
        worker.turn(turn)
    while worker.position < len(log.records):
        worker.turn("apply", batch)
        worker.turn("flush")

    said = {node: window and sums(window) for (node, start_ms), window in worker.said.items() if start_ms == NOON_MS}
    assert said == {"feeder-1": 120, "feeder-2": None, "substation": 120}


def sums(window: WindowTotals) -> int:
    return sum(kind.sum_w for kind in window.kinds.values())
