"""What the observation of workers comes to: who stands still, what holds finality back, whose log is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from app.doctor.observed import Arrived, Observed, Role
from app.doctor.report import Checked, Finding, checked, unknown
from app.domain.attendance import NOT_STARTED
from app.settings import Settings

MOST_SKEW_MS = 5_000
SLACK_MS = 60_000
"""What checkpoints and cadences may add before a watermark counts as late."""


def check_clock(arrived: Arrived | None) -> Checked:
    """Compare the broker's clock with ours: it stamped a record between two looks at ours."""
    if arrived is None:
        return unknown("clock", "nothing arrived meanwhile that the broker stamped; it is known while workers run")
    ahead_ms = max(arrived.stamped_ms - arrived.after_ms, arrived.before_ms - arrived.stamped_ms, 0)
    word = "ahead of" if arrived.stamped_ms > arrived.after_ms else "behind"
    finding = Finding("broker", f"its clock is at least {ahead_ms / 1000:g} s {word} ours",
                      "set both by NTP: the broker's decides when windows close, and what is too late")  # fmt: skip
    return checked("clock", [finding] if ahead_ms > MOST_SKEW_MS else [], "the broker's agrees with ours")


def check_workers(seen: Observed) -> Checked:
    """Look whether each role has a worker."""
    findings = [
        Finding(f"group vpp-{role.name}", "has no member", f"start a worker: `gridtwin worker {role.name}`")
        for role in seen.roles.values()
        if not role.members
    ]
    return checked("workers", findings, ", ".join(f"{one.members} {one.name}" for one in seen.roles.values()))


def check_partitions(seen: Observed) -> Checked:
    """Look for partitions that are behind and did not move."""
    findings = [one for role in seen.roles.values() for one in _stuck(role, seen.watched_s)]
    return checked("partitions", findings, f"each moved, or is at its end, within {seen.watched_s:g} s")


def _stuck(role: Role, watched_s: float) -> Iterator[Finding]:
    for partition, end in role.ends.items():
        at = role.folded.get(partition, -1)
        if at == role.folded_before.get(partition, -1) and max(at + 1, role.begins[partition]) < end:
            where = f"at offset {at}" if at >= 0 else "before its first record"
            yield Finding(f"{role.name} partition {partition}", f"stands {where} of {end} in {role.source}, the same "
                          f"{watched_s:g} s later", f"start a {role.name} worker if too few run; else look at the log "
                          "of the one that owns it, and restart it if it says nothing")  # fmt: skip


def check_offsets(seen: Observed) -> Checked:
    """Look for state that is ahead of its log, or whose next record is gone."""
    findings = [one for role in seen.roles.values() for one in _lost(role)]
    return checked("offsets", findings, "each lies within its log")


def _lost(role: Role) -> Iterator[Finding]:
    remade = "the topic was made again: reset the state of both roles (docs/operations.md, Reset)"
    for partition, end in role.last_ends.items():
        subject, at = f"{role.name} partition {partition}", role.folded.get(partition, -1)
        if at >= end:
            yield Finding(subject, f"state has folded offset {at}, but {role.source} ends at {end}", remade)
        elif at >= 0 and at + 1 < role.begins[partition]:
            yield Finding(subject, f"offset {at + 1} is next, but {role.source} begins at {role.begins[partition]}: "
                          "retention was faster", "bring the records back, or reset")  # fmt: skip
        elif role.committed.get(partition, 0) > end:
            yield Finding(subject, f"offset {role.committed[partition]} is committed, but {role.source} ends at {end}",
                          remade)  # fmt: skip


def check_watermark(seen: Observed, settings: Settings) -> Checked:
    """Look for the partitions that keep windows from becoming final."""
    if not seen.rollups:
        return unknown("watermark", "no rollup worker has remembered anything yet")
    now_ms = _newest_ms(seen, settings)
    window_ms = settings.window_s * 1000
    due_ms = (now_ms - settings.grace_s * 1000 - SLACK_MS) // window_ms * window_ms
    found = [finding for partition in range(settings.partitions) for finding in _holds(seen, partition, due_ms, now_ms)]
    through_ms = min((min(_heard_of(seen, one).values()) for one in range(settings.partitions) if _heard_of(seen, one)),
                     default=None)  # fmt: skip
    return checked("watermark", found, f"windows are final through {_instant(through_ms)}")


def _newest_ms(seen: Observed, settings: Settings) -> int:
    """Return the time that partitions should have reached: the wall's, or in a replay the newest of theirs."""
    newest_ms = max((int(row.stream_ms) for row in seen.twins.values()), default=0)
    return newest_ms if settings.telemetry_timestamps == "create" else max(newest_ms, seen.now_ms)


def _heard_of(seen: Observed, source: int) -> Mapping[int, int]:
    """Return up to where each rollup partition knows that a telemetry partition has closed; -1 for nothing."""
    return {
        partition: int(row.watermarks[source][1]) if source in row.watermarks else -1
        for partition, row in seen.rollups.items()
    }


def _holds(seen: Observed, source: int, due_ms: int, now_ms: int) -> Iterator[Finding]:
    behind = {partition: through_ms for partition, through_ms in _heard_of(seen, source).items() if through_ms < due_ms}
    if not behind:
        return
    row = seen.twins.get(source)
    subject, held = f"telemetry partition {source}", f"closed through {_instant(min(behind.values()))} only"
    if row is None or row.stream_ms == NOT_STARTED:
        yield Finding(subject, f"{held}: no twin worker has remembered anything of it",
                      "start a twin worker; without telemetry it needs ticks, which its owner writes")  # fmt: skip
    elif row.closed_through_ms is None or int(row.closed_through_ms) < due_ms:
        late_s = (now_ms - int(row.stream_ms)) / 1000
        yield Finding(subject, f"{held}: its time is {_instant(int(row.stream_ms))}, {late_s:,.0f} s behind",
                      "start a twin worker for it if none owns it; else see the finding on that partition")  # fmt: skip
    else:
        names = ", ".join(map(str, sorted(behind)))
        yield Finding(subject, f"has closed through {_instant(int(row.closed_through_ms))}, but rollup partition "
                      f"{names} has not taken that in",
                      "see the finding on those partitions; start a rollup worker")  # fmt: skip


def _instant(at_ms: int | None) -> str:
    if at_ms is None or at_ms < 0:
        return "nothing"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_ms / 1000))


def check_remembered(seen: Observed, settings: Settings) -> list[Finding]:
    """Return the settings that are part of the state and differ from what it was written with."""
    rules = settings.rules()
    wanted = {"VPP_PARTITIONS": rules.partitions, "VPP_WINDOW_S": int(rules.window_ms) // 1000,
              "VPP_WINDOW_BLOCKS": rules.window_blocks}  # fmt: skip
    written: dict[str, set[int]] = {name: set() for name in wanted}
    for row in seen.twins.values():
        for name, value in zip(wanted, (row.partitions, int(row.window_ms) // 1000, row.window_blocks), strict=True):
            written[name].add(value)
    return [
        Finding(name, f"is {wanted[name]}, the state was written with {', '.join(map(str, sorted(values)))}",
                "set it back; or reset the state of both roles (docs/operations.md, Reset)")
        for name, values in written.items()
        if values - {wanted[name]}
    ]  # fmt: skip
