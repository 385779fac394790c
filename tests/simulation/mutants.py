"""Bugs planted on purpose: each breaks one rule, and the simulator has to notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from app.batch import foreign
from app.domain import (
    attendance,
    closed_windows,
    device_clock,
    live,
    membership,
    rollup,
    rollup_slots,
    site,
    topology,
    twin,
    twin_close,
    twin_fold,
    twin_remember,
    twin_say,
    twin_silence,
    twin_state,
    twin_topology,
    windows,
)
from app.domain.units import Milliseconds, Offset
from tests.simulation import cluster
from tests.simulation.run import Limits, Schedule

Plant = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A planted bug: its name, the rule that it breaks, how to plant it, and the schedules in which to look for it."""

    name: str
    rule: str
    plant: Plant
    first_seed: int
    limits: Limits


MUTANTS: list[Mutant] = []


def planted(rule: str, first_seed: int = 0, limits: Limits = Limits()) -> Callable[[Plant], Plant]:  # noqa: B008
    def keep(plant: Plant) -> Plant:
        MUTANTS.append(Mutant(plant.__name__.replace("_", " "), rule, plant, first_seed, limits))
        return plant

    return keep


def _around(patch: pytest.MonkeyPatch, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Put *wrapper* in the place of a function; it gets the original first."""
    original = getattr(owner, name)
    patch.setattr(owner, name, lambda *arguments, **named: wrapper(original, *arguments, **named))


@planted("a window is a set of readings")
def a_repeated_reading_counts_again(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, device: Any, measured_ms: Any, power_w: Any, *more: Any) -> bool:
        start_ms = state.rules.window_start(measured_ms)
        entry, is_new = device.entry_of(start_ms), original(state, device, measured_ms, power_w, *more)
        if entry is not None and not is_new and not state.is_closed(start_ms):
            entry.sum_w += power_w
            state.open_window(start_ms).mark(entry)
        return is_new

    _around(patch, twin_fold, "_add", bad)


@planted("no accepted reading is lost")
def one_reading_in_fifty_is_dropped(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, device: Any, measured_ms: Any, power_w: Any, *more: Any) -> bool:
        return power_w % 50 == 7 or original(state, device, measured_ms, power_w, *more)

    _around(patch, twin_fold, "_add", bad)


@planted("windows are half-open")
def the_first_second_belongs_to_the_window_before(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, home: Any, device: Any, reading: Any, *more: Any) -> None:
        if reading.measured_at_ms % state.rules.window_ms < 1_000:
            reading = msgspec.structs.replace(reading, measured_at_ms=reading.measured_at_ms - 1_000)
        original(state, home, device, reading, *more)

    _around(patch, twin, "fold_reading", bad)


@planted("rounded half to even, per device and window")
def means_and_energies_are_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(windows, "divide_half_even", lambda dividend, divisor: dividend // divisor)


@planted("records up to a row's offset are in it already")
def the_offset_of_a_site_row_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, memory: Any, reader: Any) -> None:
        original(memory, reader)
        for one in memory.state.sites.values():
            one.version = site.NOTHING_FOLDED

    _around(patch, twin_remember.Memory, "restore", bad)


@planted("stream time takes in a record before it is judged")
def a_record_is_judged_before_its_timestamp_counts(patch: pytest.MonkeyPatch) -> None:
    def bad(machine: Any, record: Any, offset: Any, at_ms: Any) -> None:
        state = machine.state
        if record.key == b"" and record.value == b"":
            state.ticks += 1
            twin.advance(state, at_ms, offset)
        else:
            home, readings = machine._admission.admit(record, at_ms)
            if readings:
                twin.advance(state, at_ms, offset)
            if home is not None and readings and offset > home.version:
                machine._fold(record, home, readings, at_ms, offset)
        state.records += 1
        state.offset = offset

    patch.setattr(twin.SitePartition, "_apply", bad)


@planted("measured time never closes a window")
def a_device_clock_closes_windows(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, home: Any, device: Any, reading: Any, at_ms: Any, offset: Any) -> None:
        original(state, home, device, reading, at_ms, offset)
        twin.advance(state, reading.measured_at_ms, offset)

    _around(patch, twin, "fold_reading", bad)


@planted("a window closes a grace after its end")
def windows_close_without_grace(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, timestamp_ms: Any, offset: Any) -> None:
        grace_ms, state.grace_ms = state.grace_ms, Milliseconds(0)
        original(state, timestamp_ms, offset)
        state.grace_ms = grace_ms

    _around(patch, twin, "advance", bad)


@planted("rows are dropped a flush after they expired", 150)
def rows_are_dropped_a_window_too_early(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, memory: Any) -> Any:
        memory.stored = memory.stored._replace(stream_ms=memory.state.clock.stream_ms + memory.state.rules.window_ms)
        return original(memory)

    _around(patch, twin_remember.Memory, "_expire", bad)


@planted("a late reading finds the rows of its window")
def a_closed_window_is_brought_back_empty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(closed_windows.ClosedWindows, "_stored_entries", lambda *_: iter(()))


@planted("every prefix of a flush is a valid state")
def the_partition_row_is_written_first(patch: pytest.MonkeyPatch) -> None:
    _around(patch, twin_remember.Memory, "remember", lambda original, memory: original(memory)[::-1])


@planted("a site's row overrides blocks that may be older", 500)
def closed_entries_of_a_site_row_are_ignored(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, name: str, row: bytes, **named: Any) -> Any:
        return original(name, row, **{**named, "stored": 1 << 60})

    _around(patch, twin_remember, "restore_site", bad)


@planted("a slot is replaced by what is not older")
def an_older_contribution_replaces_a_newer_one(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, slots: Any, contribution: Any) -> Any:
        held = slots.slots.get(contribution.partition)
        if held is not None:
            slots.slots[contribution.partition] = rollup_slots.Slot(Offset(-1), held.window, held.live)
        return original(slots, contribution)

    _around(patch, rollup_slots.Slots, "replace", bad)


@planted("final when all partitions have passed")
def a_window_is_final_when_one_partition_has_passed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rollup.NodePartition, "_merged", lambda nodes: max(nodes._closed_ms(), default=None))


@planted("the watermark comes behind the contributions")
def the_watermark_runs_a_window_ahead(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any) -> Any:
        held = state.closed_through_ms
        if held is not None:
            state.closed_through_ms = held + state.rules.window_ms
        said = original(state)
        state.closed_through_ms = held
        return said

    _around(patch, twin_say, "_watermark", bad)


@planted("a change after finality is a correction")
def a_correction_is_called_final(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, nodes: Any, slots: Any) -> str:
        status = original(nodes, slots)
        return "final" if status == "corrected" else status

    _around(patch, rollup.NodePartition, "_status", bad)


@planted("members as of the window's start")
def members_are_those_of_now(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, start_ms: Any) -> Any:
        return original(state, max(start_ms, state.rules.window_start(state.clock.stream_ms)))

    _around(patch, twin_state.TwinState, "membership", bad)


@planted("whoever leaves says an empty share")
def a_node_that_lost_its_members_hears_nothing(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, name: str, *, window: Any = None, **more: Any) -> Any:
        if window is not None and name not in window.membership.expected and name not in window.totals:
            return name, b""
        return original(state, name, window=window, **more)

    _around(patch, twin_say, "_contribution", bad)
    _around(
        patch,
        cluster.Cluster,
        "put",
        lambda put, logs, topic, part, key, value: value and put(logs, topic, part, key, value),
    )


@planted("a revision is an offset")
def a_revision_is_a_counter(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, nodes: Any, contribution: Any, offset: Any) -> None:
        nodes.counted = getattr(nodes, "counted", 0) + 1
        original(nodes, contribution, Offset(nodes.counted))

    _around(patch, rollup.NodePartition, "_contribute", bad)


@planted("final is a revision of its own")
def becoming_final_keeps_the_revision(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, nodes: Any, places: Any, offset: Any) -> None:
        original(nodes, places, rollup_slots.NOTHING_APPLIED)

    _around(patch, rollup.NodePartition, "_finish", bad)


@planted("what is ahead of the partition row waits for replay", 150)
def rows_ahead_of_the_partition_row_are_said(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, nodes: Any, unsaid: Any, due: Any) -> Any:
        for place in unsaid:
            nodes.held[place].version = min(nodes.held[place].version, nodes.offset)
        return original(nodes, unsaid, due)

    _around(patch, rollup.NodePartition, "_take", bad)


@planted("our outage is nobody's silence")
def a_gap_in_the_log_counts_as_silence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attendance.StreamClock, "advance", lambda clock, at_ms: setattr(clock, "stream_ms", at_ms))


@planted("a backlog does not refresh liveness")
def old_news_is_a_sign_of_life(patch: pytest.MonkeyPatch) -> None:
    def bad(_: Any, state: Any, home: Any, newest_ms: Any, at_ms: Any, offset: Any) -> None:
        twin_fold.hear(state, home, at_ms, offset)

    _around(patch, twin, "hear_record", bad)


@planted("latest is the greatest measured time")
def the_latest_is_whatever_came_last(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, state: Any, home: Any, device: Any, *more: Any) -> None:
        device.latest_ms = site.NEVER
        original(state, home, device, *more)

    _around(patch, twin, "fold_reading", bad)


@planted("a clock that runs ahead cannot pin a twin")
def a_fast_clock_pins_the_latest_value(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_fold, "min", max, raising=False)


@planted("a second's alarms are put off by when they were due")
def alarms_are_put_off_from_now(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, one: Any, _: Any) -> Any:
        return original(one, Milliseconds(1 << 59))

    _around(patch, twin_silence, "_next_look", bad)


@planted("everything open is said after a restart")
def nothing_is_said_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_state.TwinState, "say_everything", lambda state: setattr(state, "said_watermark_ms", None))


@planted("everything is said once more past a former owner's end", 450)
def a_former_owner_had_the_last_word(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin.SitePartition, "caught_up_at", lambda *_: None)


@planted("and once more when no former owner can go on", 1600)
def a_former_owner_went_on_and_had_the_last_word(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Schedule, "_outlive", lambda *_: None)


@planted("closed windows are restated past a former owner's end", 200)
def changed_windows_are_restated_too_early_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin, "restate_deferred", lambda _: None)


@planted("what expires before that is restated as it does", 3329, Limits(faults=2, changes=1, records=8))
def changed_windows_that_expire_are_never_restated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin, "restate_expiring", lambda *_: None)


@planted("a node is remembered before it hears anything", 450)
def a_node_is_remembered_after_it_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_remember.Memory, "announce", lambda _: [])


@planted("a partition row comes before the first word", 450)
def nobody_knows_that_something_was_said(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_remember.Memory, "_first_row", lambda _: [])


@planted("what has no rows any more is not restated", 190)
def windows_without_rows_are_restated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_state.TwinState, "oldest_kept_ms", Milliseconds(0))


@planted("a change of topology takes effect everywhere")
def memberships_outlive_their_topology(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(membership.Memberships, "forget", lambda *_: None)


@planted("a device is fresh for three intervals")
def a_silent_device_stays_fresh(patch: pytest.MonkeyPatch) -> None:
    _around(patch, live, "_device", lambda original, device, *, fresh: original(device, fresh=True))


@planted("silence changes live without a message")
def silence_needs_a_message(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_close, "look", lambda *_: None)


@planted("a site's old share is taken away")
def live_shares_pile_up(patch: pytest.MonkeyPatch) -> None:
    _around(patch, live.NodeLive, "add", lambda original, node, share, sign: original(node, share, 1))


@planted("the newest version holds when recovering")
def recovery_keeps_the_last_row(patch: pytest.MonkeyPatch) -> None:
    def bad(disk: Any, table: str, log: list[Any]) -> None:
        for key, value in log[disk.offsets[table] + 1 :]:
            disk._put(table, key, value)
        disk.offsets[table] = len(log) - 1

    patch.setattr(cluster.Disk, "restore", bad)


@planted("a source is sought to what the state holds")
def reading_goes_on_from_the_commit(patch: pytest.MonkeyPatch) -> None:
    def bad(worker: Any) -> Any:
        worker.position = max(worker.machine.offset + 1, worker.cluster.produced[worker.partition])

    _around(patch, cluster.TwinWorker, "__init__", lambda init, worker, *more: (init(worker, *more), bad(worker))[0])


@planted("the disk is never ahead of the changelog", 600)
def the_disk_is_written_before_the_changelog(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, worker: Any, table: str, rows: Any, crash: str | None) -> None:
        for key, value in rows:
            worker.disk._put(table, key, value)
        original(worker, table, rows, crash)

    _around(patch, cluster.Worker, "_remember", bad)


@planted("what is remembered was said before")
def rows_are_remembered_before_messages_are_said(patch: pytest.MonkeyPatch) -> None:
    def bad(original: Any, worker: Any, *, checkpoint: bool, crash: str | None = None, everything: bool = False) -> int:
        if crash in ("while saying", "said") and checkpoint and worker.has_pending:
            for table, rows in [*worker.machine.announce(), *worker.machine.remember()]:
                if rows:
                    worker._remember(table, rows, None)
            raise cluster.Crash
        return original(worker, checkpoint=checkpoint, crash=crash, everything=everything)

    _around(patch, cluster.Worker, "flush", bad)


@planted("a writer that was overtaken starts over", 350)
def newer_rows_of_another_writer_are_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(foreign, "newest_version", lambda _: b"")


@planted("a site's own windows follow its devices")
def a_site_keeps_the_kinds_that_it_was_said_with(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin_topology, "_is_redescribed", lambda *_, **__: False)


@planted("a restart finds the devices that changed meanwhile", 370)
def devices_that_changed_over_a_restart_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    _around(
        patch, twin_topology, "_is_redescribed",
        lambda original, state, *more, **named: state.has_topology and original(state, *more, **named),
    )  # fmt: skip


@planted("a device counts by what it is, outside its validity, too")
def a_device_that_is_another_is_so_while_it_is_valid(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(topology, "_described", lambda _: {})


@planted("a clock is judged by its late readings, too")
def clocks_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(twin, "observe", lambda *_: False)


@planted("a backlog is not a clock that is behind")
def whoever_is_late_has_a_clock_that_is_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_clock, "TOLERANCE", 0)


@planted("a silent site is back after some in a row")
def one_record_in_a_while_is_one_in_a_row(patch: pytest.MonkeyPatch) -> None:
    _around(patch, twin_silence, "on_heard", lambda original, before, row, limits: original(before, row + 1, limits))
