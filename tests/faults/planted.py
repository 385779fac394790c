"""Evidence spoiled on purpose: what a bug would leave behind, and which checker has to see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.faults.case import FINAL, LIVE
from tests.faults.checkers import MOST_HANDLES, SLOWEST_S, STEADY_SAMPLES, most_memory_bytes
from tests.faults.evidence import Disk, Evidence, Published, Refused

Spoil = Callable[[Evidence], Evidence]


class Spoiled(NamedTuple):
    """A bug, the checker that has to see it, and what it does to evidence."""

    name: str
    checker: str
    spoil: Spoil


SPOILED: list[Spoiled] = []


def spoils(checker: str) -> Callable[[Spoil], Spoil]:
    def keep(spoil: Spoil) -> Spoil:
        SPOILED.append(Spoiled(spoil.__name__.replace("_", " "), checker, spoil))
        return spoil

    return keep


def _with(record: Published, **changes: Any) -> Published:
    return record._replace(value={**record.value, **changes})


def _last_final(evidence: Evidence, name: str = "levels") -> int:
    """Return the index of the newest revision of a busy window that is final."""
    records = getattr(evidence, name)
    found = [number for number, one in enumerate(records) if not one.key.endswith(LIVE) and _is_busy(one.value)]
    chosen = records[found[len(found) // 2]].key
    return max(
        (number for number in found if records[number].key == chosen), key=lambda n: (records[n].value["revision"], n)
    )


def _is_busy(row: dict[str, Any]) -> bool:
    return row.get("status", "final") in FINAL and any(kind["readings"] for kind in row["kinds"].values())


def _spoil_last(evidence: Evidence, name: str, change: Callable[[Published], Published]) -> Evidence:
    records = list(getattr(evidence, name))
    number = _last_final(evidence, name)
    records[number] = change(records[number])
    return dataclasses.replace(evidence, **{name: records})


def _add(record: Published, **added: int) -> Published:
    kinds = {name: {**kind, **{field: kind[field] + by for field, by in added.items()}}
             for name, kind in record.value["kinds"].items()}  # fmt: skip
    return _with(record, kinds=kinds)


@spoils("C1")
def one_reading_is_missing_from_a_node(evidence: Evidence) -> Evidence:
    return _spoil_last(evidence, "levels", lambda one: _add(one, readings=-1))


@spoils("C1")
def one_reading_is_counted_twice_at_a_site(evidence: Evidence) -> Evidence:
    return _spoil_last(evidence, "sites", lambda one: _add(one, readings=1))


@spoils("C1")
def a_sum_drifts_by_a_watt_as_floats_do(evidence: Evidence) -> Evidence:
    return _spoil_last(evidence, "levels", lambda one: _add(one, sum_w=1))


@spoils("C1")
def a_mean_is_rounded_the_other_way(evidence: Evidence) -> Evidence:
    return _spoil_last(evidence, "levels", lambda one: _add(one, mean_power_w=1))


@spoils("C1")
def a_window_is_off_by_one(evidence: Evidence) -> Evidence:
    window = evidence.rules["window"]
    return _spoil_last(
        evidence, "levels", lambda one: _with(one, window_start_ms=one.value["window_start_ms"] - window)
    )


@spoils("C1")
def a_node_is_never_published(evidence: Evidence) -> Evidence:
    node = evidence.levels[_last_final(evidence)].value["node"]
    return dataclasses.replace(evidence, levels=[one for one in evidence.levels if one.value["node"] != node])


@spoils("C1")
def a_window_never_becomes_final(evidence: Evidence) -> Evidence:
    key = evidence.levels[_last_final(evidence)].key
    levels = [_with(one, status="provisional") if one.key == key else one for one in evidence.levels]
    return dataclasses.replace(evidence, levels=levels)


@spoils("C1")
def windows_were_final_too_early(evidence: Evidence) -> Evidence:
    levels = [_with(one, status="corrected") if one.value.get("status") == "final" else one for one in evidence.levels]
    return dataclasses.replace(evidence, levels=levels)


@spoils("C1")
def a_record_of_the_log_was_skipped(evidence: Evidence) -> Evidence:
    return dataclasses.replace(evidence, log=_log_with_one_more(evidence))


def _log_with_one_more(evidence: Evidence) -> dict[int, list[Any]]:
    """Return a log with a reading that the workers did not fold: it lies a second before one that they did."""
    log = {partition: list(records) for partition, records in evidence.log.items()}
    records = next(records for records in log.values() if records)
    last = next(one for one in reversed(records) if one.key and one.value.startswith(b"{"))
    before, _, after = last.value.partition(b'"measured_at_ms":')
    digits, comma, rest = after.partition(b",")
    value = b'%b"measured_at_ms":%d%b%b' % (before, int(digits) - 1_000, comma, rest)
    records.append(
        dataclasses.replace(last, value=value, offset=records[-1].offset + 1, timestamp=records[-1].timestamp)
    )
    return log


@spoils("C1")
def a_twin_shows_an_older_reading(evidence: Evidence) -> Evidence:
    newest = max(range(len(evidence.twins)), key=lambda number: evidence.twins[number].value["revision"])
    twins = list(evidence.twins)
    devices = [{**one, "measured_at_ms": (one["measured_at_ms"] or 0) - 1} for one in twins[newest].value["devices"]]
    twins[newest] = _with(twins[newest], devices=devices)
    return dataclasses.replace(evidence, twins=twins)


@spoils("C2")
def a_parent_counts_a_child_that_is_not_its_own(evidence: Evidence) -> Evidence:
    return _spoil_last(evidence, "levels", lambda one: _add(one, readings=5, sum_w=100))


@spoils("C3")
def a_refusal_is_lost(evidence: Evidence) -> Evidence:
    kept = dict(list(evidence.refused.items())[1:])
    return dataclasses.replace(evidence, refused=kept)


@spoils("C3")
def a_good_record_is_refused(evidence: Evidence) -> Evidence:
    partition, records = next((number, records) for number, records in evidence.log.items() if records)
    good = next(one for one in records if one.key and (partition, one.offset) not in evidence.refused)
    refused = {**evidence.refused, (partition, good.offset): [Refused("malformed", (), good.value)]}
    return dataclasses.replace(evidence, refused=refused)


@spoils("C3")
def a_record_is_refused_for_another_reason(evidence: Evidence) -> Evidence:
    where, found = next(iter(evidence.refused.items()))
    return dataclasses.replace(
        evidence, refused={**evidence.refused, where: [found[0]._replace(reason="internal_error")]}
    )


@spoils("C3")
def a_duplicate_is_counted_as_applied(evidence: Evidence) -> Evidence:
    newest = max(range(len(evidence.twins)), key=lambda number: evidence.twins[number].value["revision"])
    twins = list(evidence.twins)
    counts = twins[newest].value["readings"]
    twins[newest] = _with(twins[newest], readings={**counts, "applied": counts["applied"] + 1})
    return dataclasses.replace(evidence, twins=twins)


@spoils("C4")
def one_revision_has_two_contents(evidence: Evidence) -> Evidence:
    again = _add(evidence.levels[_last_final(evidence)], sum_w=7)
    return dataclasses.replace(evidence, levels=[*evidence.levels, again])


@spoils("C5")
def a_final_window_becomes_provisional(evidence: Evidence) -> Evidence:
    one = evidence.levels[_last_final(evidence)]
    again = _with(one, status="provisional", revision=one.value["revision"] + 1)
    return dataclasses.replace(evidence, levels=[*evidence.levels, again])


@spoils("C5")
def a_final_window_changes_without_a_word(evidence: Evidence) -> Evidence:
    one = evidence.levels[_last_final(evidence)]
    again = _with(_add(one, sum_w=7), status="final", revision=one.value["revision"] + 1)
    return dataclasses.replace(evidence, levels=[*evidence.levels, again])


def _spoil_disk(evidence: Evidence, change: Callable[[dict[bytes, bytes]], None]) -> Evidence:
    where = next(place for place, disks in evidence.disks.items() if disks and disks[0].rows)
    disks = [Disk(disk.offset, dict(disk.rows)) for disk in evidence.disks[where]]
    for disk in disks:
        change(disk.rows)
    return dataclasses.replace(evidence, disks={**evidence.disks, where: disks})


@spoils("C6")
def a_row_is_not_on_the_disk(evidence: Evidence) -> Evidence:
    return _spoil_disk(evidence, lambda rows: rows.pop(next(iter(rows))) and None)


@spoils("C6")
def a_row_is_on_the_disk_only(evidence: Evidence) -> Evidence:
    return _spoil_disk(evidence, lambda rows: rows.update({b"s?": bytes(9)}))


@spoils("C6")
def a_row_on_the_disk_is_another(evidence: Evidence) -> Evidence:
    return _spoil_disk(evidence, lambda rows: rows.update({next(iter(rows)): bytes(9)}))


@spoils("C7")
def records_are_never_folded(evidence: Evidence) -> Evidence:
    return dataclasses.replace(evidence, lag=1)


@spoils("C7")
def a_recovery_takes_too_long(evidence: Evidence) -> Evidence:
    return dataclasses.replace(evidence, recovered_s=[1.0, SLOWEST_S + 1])


@spoils("C8")
def a_stale_row_is_what_the_disk_holds(evidence: Evidence) -> Evidence:
    return _spoil_disk(evidence, lambda rows: rows.update({key: bytes(8) + row[8:] for key, row in rows.items()}))


def _sample(**changes: int) -> dict[str, Any]:
    return {"worker": "twin", "pid": 1, "memory_bytes": 1, "handles": 1, "threads": 1, **changes}


@spoils("C9")
def a_worker_holds_too_much_memory(evidence: Evidence) -> Evidence:
    return dataclasses.replace(evidence, samples=[_sample(memory_bytes=most_memory_bytes(evidence) + 1)])


@spoils("C9")
def handles_leak_slowly(evidence: Evidence) -> Evidence:
    samples = [_sample(handles=100 + number * MOST_HANDLES // 4 // STEADY_SAMPLES) for number in range(STEADY_SAMPLES)]
    return dataclasses.replace(evidence, samples=samples)
