"""How far everything has come: kept with the rows, so that a restart knows its age at once."""

from __future__ import annotations

import msgspec

from app.query.rows import CLOCKS, Draft

ByPartition = dict[int, int]


class LevelClock(msgspec.Struct):
    """How far a level has come."""

    newest_window_ms: int | None = None
    newest_final_window_ms: int | None = None
    recorded_ms: int = 0


class Clocks(msgspec.Struct):
    """By role and partition: when its newest record was written, the step before that, and its newest stream time."""

    heard_ms: dict[str, ByPartition] = msgspec.field(default_factory=dict)
    step_ms: dict[str, ByPartition] = msgspec.field(default_factory=dict)
    stream_ms: dict[str, ByPartition] = msgspec.field(default_factory=dict)
    watermark_ms: dict[str, ByPartition] = msgspec.field(default_factory=dict)
    levels: dict[str, LevelClock] = msgspec.field(default_factory=dict)
    newest_ms: int = 0
    newest_rejection_ms: int = 0

    def hear(self, role: str, partition: int, recorded_ms: int) -> None:
        """Note a record of a worker."""
        heard = self.heard_ms.setdefault(role, {})
        before_ms = heard.get(partition, 0)
        if recorded_ms > before_ms:
            heard[partition] = recorded_ms
            if before_ms:
                self.step_ms.setdefault(role, {})[partition] = recorded_ms - before_ms

    def stream(self, role: str, partition: int, at_ms: int) -> None:
        """Note a stream time that a worker told of."""
        _raise(self.stream_ms, role, partition, at_ms)

    def close(self, role: str, partition: int, through_ms: int) -> None:
        """Note that a partition has closed every window up to an instant."""
        _raise(self.watermark_ms, role, partition, through_ms)

    def note_window(self, level: str, start_ms: int, *, is_final: bool) -> None:
        """Note a window of a level."""
        clock = self.levels.setdefault(level, LevelClock())
        clock.newest_window_ms = max(clock.newest_window_ms or start_ms, start_ms)
        if is_final:
            clock.newest_final_window_ms = max(clock.newest_final_window_ms or start_ms, start_ms)
        self.newest_ms = max(self.newest_ms, start_ms)

    def as_of_ms(self, role: str | None = None, partition: int | None = None) -> int | None:
        """Return the newest stream time known, of all partitions or of one."""
        return max(_of(self.stream_ms, role, partition), default=None)

    def closed_ms(self, role: str, partition: int) -> int | None:
        """Return up to where a partition has closed its windows."""
        return self.watermark_ms.get(role, {}).get(partition)

    def age_s(self, now_ms: int, role: str | None = None, partition: int | None = None) -> float | None:
        """Return how many seconds ago a worker last wrote, whichever it was or the owner of one partition."""
        newest = max(_of(self.heard_ms, role, partition), default=None)
        return None if newest is None else max(0.0, (now_ms - newest) / 1000)

    def keep(self, draft: Draft) -> None:
        """Put them among the rows."""
        draft.put(CLOCKS, msgspec.json.encode(msgspec.to_builtins(self, str_keys=True), order="deterministic"))


def _raise(held: dict[str, ByPartition], role: str, partition: int, at_ms: int) -> None:
    known = held.setdefault(role, {})
    known[partition] = max(known.get(partition, 0), at_ms)


def _of(by_role: dict[str, ByPartition], role: str | None, partition: int | None) -> list[int]:
    return [
        at_ms
        for one, by_partition in by_role.items()
        if role in (None, one)
        for number, at_ms in by_partition.items()
        if partition in (None, number)
    ]


def read_clocks(draft: Draft) -> Clocks:
    """Return the clocks that were kept, or new ones."""
    row = draft.get(CLOCKS)
    return msgspec.json.decode(row, type=Clocks) if row is not None else Clocks()
