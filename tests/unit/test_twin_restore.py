"""Any batches, flushes and crashes: what is said last is a function of the set of readings; rows are the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import decode

from app.domain.rows import body_of, version_of
from app.domain.site_rows import SITE_TABLE, WINDOW_TABLE
from app.domain.twin import SitePartition
from tests.builders import NOON_MS, Disk, Heard, Log, a_partition, a_village, flush, learn, some_rules, the_village

WINDOW_MS = 300_000
RULES = {"window_ms": WINDOW_MS, "grace_ms": 60_000, "horizon_ms": 3_600_000, "window_blocks": 2, "cached_windows": 1}

SENT = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 40), st.integers(-99, 99)), max_size=25
)
"""Site, seconds since the record before, age in minutes, power."""
TURNS = st.lists(st.sampled_from(["apply", "say", "flush", "crash", "torn"]), max_size=25)


def a_log(sent: list[tuple[str, int, int, int]]) -> Log:
    log, now_ms = Log(), NOON_MS
    log.tick(now_ms)
    for site, step_s, age_min, power_w in sent:
        now_ms += step_s * 1_000
        log.say(site, f"load-{site}", now_ms - age_min * 60_000, power_w, arrived_ms=now_ms)
    log.tick(now_ms)
    log.tick(now_ms + 3 * WINDOW_MS)
    return log


class Worker:
    """One machine after the other on one disk, and the last that was said of every node and window."""

    def __init__(self, log: Log) -> None:
        self.log, self.disk, self.position = log, Disk(), 0
        self.said: dict[tuple[str, int | None], object] = {}
        self.start()

    def start(self) -> None:
        self.machine = a_partition(some_rules(**RULES), self.disk, the_village())
        self.position = int(self.machine.offset) + 1

    def turn(self, what: str, batch: int = 3) -> None:
        if what == "apply":
            self.machine.apply(self.log.records[self.position : self.position + batch], settled=True)
            self.position = min(self.position + batch, len(self.log.records))
        elif what == "crash":
            self.start()
        else:
            self.say()
        if what == "flush":
            flush(self.machine, self.disk)
        elif what == "torn":
            rows = [(stage.table, [row]) for stage in self.machine.remember() for row in stage.rows]
            self.disk.write(rows[: len(rows) // 2])
            self.start()

    def say(self) -> None:
        said = self.machine.say()
        self.disk.write(self.machine.announce())
        for one in Heard(said).contributions:
            live = one.live and (one.live.kinds, one.live.sites, one.live.storage)
            self.said[one.node, one.window_start_ms] = one.window or live

    def finish(self) -> dict[tuple[str, int | None], object]:
        while self.position < len(self.log.records):
            self.turn("apply")
        self.turn("flush")
        return self.said


@given(SENT, TURNS)
def test_whatever_the_batches_flushes_and_crashes_the_last_word_on_every_node_is_the_same(sent, turns):
    log = a_log(sent)
    straight, crooked = Worker(log), Worker(log)
    for turn in turns:
        crooked.turn(turn)

    assert crooked.finish() == straight.finish()


@given(SENT)
def test_the_last_word_on_every_window_is_the_sum_of_its_set_of_readings(sent):
    log = a_log(sent)
    said = Worker(log).finish()
    kept: dict[tuple[str, int], int] = {}
    now_ms = NOON_MS
    for site, step_s, age_min, power_w in sent:
        now_ms += step_s * 1_000
        kept.setdefault((site, now_ms - age_min * 60_000), power_w)
    sums: dict[int, int] = {}
    for (_, at_ms), power_w in kept.items():
        start_ms = at_ms - at_ms % WINDOW_MS
        sums[start_ms] = sums.get(start_ms, 0) + power_w

    for start_ms, sum_w in sums.items():
        assert said["substation", start_ms].kinds["load"].sum_w == sum_w


@given(SENT, st.lists(st.integers(1, 9), max_size=9))
def test_the_split_of_a_log_into_batches_changes_no_byte_of_the_rows(sent, batches):
    log = a_log(sent)
    whole, split = Disk(), Disk()
    for disk, sizes in ((whole, [10**6]), (split, [*batches, 10**6])):
        machine, at = a_partition(some_rules(**RULES), disk, the_village()), 0
        for size in sizes:
            machine.apply(log.records[at : at + size], settled=True)
            at += size
        machine.say()
        flush(machine, disk)

    assert split.tables == whole.tables


def stop_and_copy(log: Log, at: int) -> tuple[SitePartition, Disk, Disk]:
    """Return a machine that applied half of a log and flushed, its disk, and a copy of that."""
    disk, copy = Disk(), Disk()
    machine = a_partition(some_rules(**RULES), disk, the_village())
    machine.apply(log.records[:at], settled=True)
    machine.say(twins=True)
    flush(machine, disk)
    copy.tables = {name: dict(rows) for name, rows in disk.tables.items()}
    return machine, disk, copy


def finish(machine: SitePartition, disk: Disk, log: Log) -> tuple[object, ...]:
    """Return what is said and remembered, without the order of sites, which is that of their first reading."""
    machine.apply(log.records, settled=True)
    said = [sorted(part) if isinstance(part, list) else part for part in machine.say(twins=True)]
    flush(machine, disk)
    blocks = {key: (version_of(row), decode(body_of(row))) for key, row in disk.tables[WINDOW_TABLE].items()}
    return said, disk.tables[SITE_TABLE], blocks


@given(SENT, st.integers(1, 25))
def test_a_machine_restored_from_its_rows_goes_on_as_if_it_had_never_stopped(sent, at):
    log = a_log(sent)
    original, disk, copy = stop_and_copy(log, at)
    restored = a_partition(some_rules(**RULES), copy, the_village())
    restored.say(twins=True)
    original.state.say_everything()
    original.say(twins=True)

    assert finish(restored, copy, log) == finish(original, disk, log)


def test_after_a_restart_everything_open_and_live_is_said_once():
    disk, log = Disk(), Log()
    log.tick(NOON_MS)
    log.say("a", "load-a", NOON_MS, 1)
    machine = a_village(disk)
    machine.apply(log.records, settled=True)
    machine.say()
    flush(machine, disk)
    restarted = a_village(disk)
    heard = Heard(restarted.say())

    assert heard.windows("feeder-1")[NOON_MS].kinds["load"].sum_w == 1
    assert heard.live("feeder-1").kinds["load"].active_power_w == 1
    assert heard.watermark is not None
    assert Heard(restarted.say()).contributions == []


def test_a_node_that_lost_its_sites_while_the_worker_was_down_is_told_so():
    disk, log = Disk(), Log()
    log.tick(NOON_MS)
    machine = a_village(disk)
    machine.apply(log.records, settled=True)
    machine.say()
    flush(machine, disk)
    restarted = a_village(disk)
    learn(restarted, {"c": the_village()["a"]}, offset=1)

    assert Heard(restarted.say()).live("feeder-2").kinds == {}


def test_a_node_is_remembered_before_it_is_told_anything():
    machine, log = a_village(), Log()
    log.tick(NOON_MS)
    machine.apply(log.records, settled=True)
    machine.say()
    (rows,) = machine.announce()

    assert [key for key, _ in rows.rows] == [b"p", b"nfeeder-1", b"nfeeder-2", b"nsubstation"]
    machine.say()
    assert [row for stage in machine.announce() for row in stage.rows] == []


def test_before_a_machine_says_anything_it_remembers_by_what_topology_but_nothing_else():
    log = Log()
    log.say("a", "a-1", NOON_MS, 1)
    machine, disk = a_village(), Disk()
    machine.apply(log.records, settled=True)
    machine.say()
    disk.write(machine.announce())
    restarted = a_partition(machine.state.rules, disk, {})

    assert int(restarted.offset) == -1
    assert restarted.state.topology_offsets == (0, 0)
    assert restarted.state.has_row


def test_where_nobody_said_anything_nothing_is_said_again():
    machine = a_village()
    machine.caught_up_at(100)

    assert machine.state.say_all_at is None
    assert machine.state.restate_from_ms is None


def test_a_machine_refuses_rows_that_were_written_under_other_rules():
    disk = Disk()
    machine = a_village(disk)
    flush(machine, disk)

    for name, other in {"partitions": 2, "window_ms": 60_000, "window_blocks": 1}.items():
        with pytest.raises(ValueError, match=rf"{name} is set to {other}, but the state was written with"):
            a_village(disk, **{name: other})
