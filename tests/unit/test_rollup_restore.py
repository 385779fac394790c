"""A node partition and its rows: any batches, flushes and crashes end in the same values."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rollup_slots import NODE_TABLE, PARTITION_KEY, WINDOW_PREFIX
from tests.builders import NOON_MS, Disk
from tests.rollup_builders import ContributedLog, a_live_share, a_node_partition, a_window_share, keep, published

WINDOW_MS = 900_000
HOUR_MS = 3_600_000

MESSAGES = st.one_of(
    st.tuples(st.just("window"), st.sampled_from("mn"), st.integers(0, 1), st.integers(0, 3), st.integers(-9, 9)),
    st.tuples(st.just("live"), st.sampled_from("mn"), st.integers(0, 1), st.just(0), st.integers(-9, 9)),
    st.tuples(st.just("close"), st.just(""), st.integers(0, 1), st.integers(0, 9), st.just(0)),
)
TURNS = st.lists(st.sampled_from(["apply", "say", "flush", "crash", "torn"]), max_size=25)


def a_log(messages) -> ContributedLog:
    log = ContributedLog()
    for version, (what, node, partition, windows, power_w) in enumerate(messages):
        place = {"node": node, "partition": partition, "version": version // 2}
        if what == "close":
            log.close(NOON_MS + windows * WINDOW_MS, partition=partition)
        elif what == "live":
            log.say(a_live_share(power_w), **place)
        else:
            log.say(a_window_share(power_w), start_ms=NOON_MS + windows * WINDOW_MS, **place)
    return log


class Worker:
    """One machine after the other on one disk, and what a reader of the level topics ends up with."""

    def __init__(self, log: ContributedLog) -> None:
        self.log, self.disk = log, Disk()
        self.topic: dict[str, dict] = {}
        self.start()

    def start(self) -> None:
        self.machine = a_node_partition(self.disk, horizon_ms=HOUR_MS)
        self.position = int(self.machine.offset) + 1

    def turn(self, what: str) -> None:
        if what == "apply":
            self.machine.apply(self.log.records[self.position : self.position + 3])
            self.position += 3
        elif what == "crash":
            self.start()
        else:
            self.say()
        if what == "flush":
            keep(self.machine, self.disk)
        elif what == "torn":
            rows = [(stage.table, [row]) for stage in self.machine.remember() for row in stage.rows]
            self.disk.write(rows[: len(rows) // 2])
            self.start()

    def say(self) -> None:
        for said in self.machine.say():
            record = msgspec.json.decode(said.value)
            record.pop("waiting_for", None)  # as of when it was said
            self.topic[said.key.decode()] = record

    def finish(self) -> dict[str, dict]:
        while self.position < len(self.log.records):
            self.turn("apply")
        self.turn("flush")
        return self.topic


@given(st.lists(MESSAGES, max_size=30), TURNS)
def test_whatever_the_batches_flushes_and_crashes_every_record_ends_the_same_its_revision_included(messages, turns):
    log = a_log(messages)
    straight, crooked = Worker(log), Worker(log)
    for turn in turns:
        crooked.turn(turn)

    assert crooked.finish() == straight.finish()


@given(st.lists(MESSAGES, max_size=20), st.integers(0, 20))
def test_a_machine_restored_from_its_rows_goes_on_as_if_it_had_never_stopped(messages, at):
    log, disk, copy = a_log(messages), Disk(), Disk()
    original = a_node_partition(disk, horizon_ms=HOUR_MS)
    original.apply(log.records[:at])
    original.say()
    keep(original, disk)
    copy.tables = {name: dict(rows) for name, rows in disk.tables.items()}
    restored = a_node_partition(copy, horizon_ms=HOUR_MS)
    restored.say()
    ends = []
    for machine, rows in ((original, disk), (restored, copy)):
        machine.apply(log.records)
        ends.append((sorted(machine.say()), keep(machine, rows), rows.tables))

    assert ends[0] == ends[1]


def test_after_a_restart_everything_open_and_live_is_said_once():
    disk = Disk()
    machine, log = a_node_partition(disk), ContributedLog()
    log.say(a_window_share(1))
    log.say(a_live_share(1))
    before = published(machine, log)
    keep(machine, disk)
    restarted = a_node_partition(disk)

    assert published(restarted, log) == before
    assert published(restarted, log) == {}


def test_a_final_window_is_not_said_again_after_a_restart():
    disk = Disk()
    machine, log = a_node_partition(disk, partitions=1), ContributedLog()
    log.say(a_window_share(1))
    log.close(NOON_MS + WINDOW_MS)
    published(machine, log)
    keep(machine, disk)

    assert published(a_node_partition(disk, partitions=1), log) == {}


def test_the_partition_row_is_the_last_of_a_flush():
    machine, log = a_node_partition(), ContributedLog()
    log.say(a_window_share(1))
    published(machine, log)

    assert [key for stage in machine.remember() for key, _ in stage.rows][-1] == PARTITION_KEY


def windows_on(disk: Disk) -> list[bytes]:
    return [key for key in disk.tables[NODE_TABLE] if key.startswith(WINDOW_PREFIX)]


def test_the_rows_of_a_window_get_their_tombstones_a_flush_after_it_expired():
    disk = Disk()
    machine, log = a_node_partition(disk, partitions=1, horizon_ms=HOUR_MS), ContributedLog()
    log.say(a_window_share(1))
    log.close(NOON_MS + WINDOW_MS)
    published(machine, log)
    keep(machine, disk)
    log.close(NOON_MS + 6 * WINDOW_MS)
    published(machine, log)
    keep(machine, disk)
    at_expiry = windows_on(disk)
    keep(machine, disk)

    assert len(at_expiry) == 1
    assert windows_on(disk) == []


def test_a_machine_refuses_rows_that_were_written_under_other_rules():
    disk = Disk()
    keep(a_node_partition(disk), disk)

    with pytest.raises(ValueError, match="partitions is set to 3, but the state was written with 2"):
        a_node_partition(disk, partitions=3)
    with pytest.raises(ValueError, match="window_ms is set to 60000"):
        a_node_partition(disk, window_ms=60_000)


def test_records_that_a_row_includes_already_do_not_change_it_though_the_partition_row_is_older():
    disk = Disk()
    machine, log = a_node_partition(disk), ContributedLog()
    log.say(a_window_share(1), version=5)
    log.say(a_window_share(20), version=5)
    published(machine, log)
    (stage,) = machine.remember()
    disk.write([(stage.table, stage.rows[:-1])])
    restarted = a_node_partition(disk)
    restarted.apply(log.records[:1])
    (slots,) = restarted.held.values()

    assert slots.slots[0].window.kinds["load"].sum_w == 20
