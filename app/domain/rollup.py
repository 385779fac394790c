"""NodePartition: the nodes of one partition of `contributed`, as a pure machine.

    apply(records)  replaces slots, moves watermarks
    say()           aggregates that changed, or became final, since the last time
    remember()      rows since the last time, the partition row last

A node's value is derived from its slots, never stored. Its time is the minimum of the watermarks of all telemetry
partitions, nothing else: a stopped worker delays finality, it never makes a wrong number final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from app.domain.contracts import Contribution, Status, Watermark
from app.domain.rollup_aggregates import NodeSaying, say_live, say_window
from app.domain.rollup_records import PartitionRow
from app.domain.rollup_slots import (
    LIVE_PREFIX,
    NODE_TABLE,
    NOTHING_APPLIED,
    PARTITION_KEY,
    WINDOW_PREFIX,
    Place,
    Slots,
    decode_partition,
    encode_partition,
    restore_slots,
    window_key,
)
from app.domain.rows import Record, RowReader, Rows, version_of
from app.domain.rules import Rules
from app.domain.units import Milliseconds, Offset

Due = Callable[[str], bool]
AFTER_LIVE = b"m"
AFTER_WINDOWS = b"x"

_decode: Final = msgspec.msgpack.Decoder(Contribution | Watermark).decode


def _always(_: str) -> bool:
    return True


class NodePartition:
    """The nodes whose ids belong to one partition. It restores itself from the rows that its reader finds."""

    def __init__(self, partition: int, rules: Rules, reader: RowReader) -> None:
        self.partition = partition
        self.rules = rules
        self.reader = reader
        self.offset = NOTHING_APPLIED
        self.watermarks: dict[int, tuple[Milliseconds, Milliseconds]] = {}
        self.final_through_ms: Milliseconds | None = None
        """Every window that ends at or before this is final; None until every partition was heard."""
        self.expired_through_ms: Milliseconds | None = None
        self.expired_contributions = 0
        self.levels: set[str] = set()
        """Every level that a node here ever had."""
        self.held: dict[tuple[str, Milliseconds | None], Slots] = {}
        self.by_window: dict[Milliseconds, set[Place]] = {}
        self.unsaid: dict[Place, None] = {}
        self.unsaid_final: dict[Place, None] = {}
        self.dirty: dict[Place, None] = {}
        self._stored_final_ms: Milliseconds | None = None
        self._storing_final_ms: Milliseconds | None = None
        self._storing: set[Place] = set()
        self._restore()

    def apply(self, records: Sequence[Record]) -> None:
        """Fold records in log order; those at or below `offset` are skipped."""
        for record in records:
            if record.offset > self.offset:
                offset = Offset(record.offset)
                message = _decode(record.value or b"")
                if isinstance(message, Watermark):
                    self._advance(message, offset)
                else:
                    self._contribute(message, offset)
                self.offset = offset

    def _contribute(self, contribution: Contribution, offset: Offset) -> None:
        self.levels.add(contribution.level)
        start_ms = contribution.window_start_ms
        if self._is_expired(start_ms):
            self.expired_contributions += 1
            return
        slots = self.held.get((contribution.node, start_ms)) or self._found(Place(contribution.node, start_ms))
        if offset <= slots.version:
            return
        changed = slots.replace(contribution)
        if changed is None:
            return
        self.dirty[slots.place] = None
        if changed:
            slots.revision = offset
            is_final = self._is_final(start_ms)
            slots.is_corrected = slots.is_corrected or is_final
            (self.unsaid_final if is_final else self.unsaid)[slots.place] = None

    def _advance(self, watermark: Watermark, offset: Offset) -> None:
        """Merge a watermark; windows that it makes final are published again, as that."""
        before_ms = self.final_through_ms
        first_ms, closed_ms = watermark.first_window_ms, watermark.closed_through_ms
        held = self.watermarks.get(watermark.partition)
        if held is not None:
            first_ms, closed_ms = min(first_ms, held[0]), max(closed_ms, held[1])
        self.watermarks[watermark.partition] = (first_ms, closed_ms)
        after_ms = self.final_through_ms = self._merged()
        for start_ms, places in self.by_window.items():
            if start_ms < closed_ms and (held is None or start_ms >= held[1]):
                self.unsaid.update(dict.fromkeys(places))  # they wait for one partition less
        if after_ms is not None and after_ms != before_ms:
            for start_ms, places in self.by_window.items():
                if start_ms < after_ms and (before_ms is None or start_ms >= before_ms):
                    self._finish(places, offset)

    def _finish(self, places: set[Place], offset: Offset) -> None:
        """Being final is a change of its own: a reader must not take an older, provisional record for newer."""
        for place in places:
            slots = self.held[place]
            slots.revision = max(slots.revision, offset)
            self.dirty[place] = None
            self.unsaid.pop(place, None)
            self.unsaid_final[place] = None

    def say(self, *, behind: bool = False, due: Due = _always, provisional: bool = True) -> list[NodeSaying]:
        """Take what has to be said: final and corrected windows at once, the rest of the levels that are *due*.

        A window that is not final changes with every partition that contributes to it: it is said only when it is the
        turn of *provisional* ones.
        """
        taken = self._take(self.unsaid_final, lambda _: True)
        if not behind:
            taken += self._take(
                self.unsaid, lambda slots: (provisional or slots.place.start_ms is None) and due(slots.level)
            )
        return [self._say(slots) for slots in taken if slots.level]

    def _merged(self) -> Milliseconds | None:
        return min(self._closed_ms()) if len(self.watermarks) >= self.rules.partitions else None

    def _closed_ms(self) -> Iterator[Milliseconds]:
        return (closed_ms for _, closed_ms in self.watermarks.values())

    def _take(self, unsaid: dict[Place, None], wanted: Callable[[Slots], bool]) -> list[Slots]:
        """Take the slots that are wanted; those of a later flush than the partition row wait for replay."""
        taken = [
            slots for slots in map(self.held.__getitem__, unsaid) if slots.version <= self.offset and wanted(slots)
        ]
        for slots in taken:
            del unsaid[slots.place]
        return taken

    def _say(self, slots: Slots) -> NodeSaying:
        start_ms = slots.place.start_ms
        if start_ms is None:
            return say_live(slots)
        return say_window(
            slots,
            window_s=self.rules.window_s,
            status=self._status(slots),
            waiting_for=self._waiting_for(start_ms),
        )

    def _status(self, slots: Slots) -> Status:
        if slots.is_corrected:
            return "corrected"
        return "final" if self._is_final(slots.place.start_ms) else "provisional"

    def _waiting_for(self, start_ms: Milliseconds) -> tuple[int, ...]:
        heard = self.watermarks
        return tuple(
            partition
            for partition in range(self.rules.partitions)
            if partition not in heard or heard[partition][1] <= start_ms
        )

    def _is_final(self, start_ms: Milliseconds | None) -> bool:
        final_ms = self.final_through_ms
        return start_ms is not None and final_ms is not None and start_ms < final_ms

    def _is_expired(self, start_ms: Milliseconds | None) -> bool:
        """A partition says nothing new of a window that expired there; only a replay repeats it."""
        final_ms = self.final_through_ms
        return start_ms is not None and final_ms is not None and start_ms < self._expiry(final_ms)

    def _expiry(self, final_ms: Milliseconds) -> Milliseconds:
        return self.rules.window_start(final_ms - self.rules.horizon_ms) - self.rules.window_ms

    def _found(self, place: Place) -> Slots:
        """Hold the slots of a place that is not in memory: as they are stored, or none yet."""
        row = self.reader.get(NODE_TABLE, place.row_key) if self._is_final(place.start_ms) else None
        slots = restore_slots(place.row_key, row) if row is not None else Slots(place)
        self._hold(slots)
        return slots

    def _hold(self, slots: Slots) -> None:
        place = slots.place
        self.held[place] = slots
        if place.start_ms is not None:
            self.by_window.setdefault(place.start_ms, set()).add(place)

    def announce(self) -> list[Rows]:
        """Nothing has to be remembered before it is said."""
        return []

    def remember(self) -> list[Rows]:
        """Take the rows that make durable what was said; call `say` first."""
        rows: list[tuple[bytes, bytes | None]] = [
            (place.row_key, self.held[place].encode(self.offset)) for place in self.dirty
        ]
        self.dirty = {}
        rows += self._expire()
        self._storing_final_ms = self.final_through_ms
        row = PartitionRow(
            self.rules.partitions,
            self.rules.window_ms,
            self.watermarks,
            self.expired_through_ms,
            self.expired_contributions,
        )
        rows.append((PARTITION_KEY, encode_partition(row, self.offset)))
        return [Rows(NODE_TABLE, rows)]

    def remembered(self) -> None:
        """Learn that the rows are in the changelog and on disk: final windows leave memory."""
        final_ms = self._stored_final_ms = self._storing_final_ms
        if final_ms is None:
            return
        for start_ms in [start_ms for start_ms in self.by_window if start_ms < final_ms]:
            kept = {place for place in self.by_window[start_ms] if self._is_pending(place)}
            for place in self.by_window[start_ms] - kept:
                del self.held[place]
            if kept:
                self.by_window[start_ms] = kept
            else:
                del self.by_window[start_ms]

    def _is_pending(self, place: Place) -> bool:
        return place in self.dirty or place in self.unsaid or place in self.unsaid_final

    def _expire(self) -> list[tuple[bytes, bytes | None]]:
        """Drop windows that had expired at the flush before, so that a replay finds what it may still change."""
        if self._stored_final_ms is None:
            return []
        until_ms = self._expiry(self._stored_final_ms)
        after_ms = self.expired_through_ms
        if after_ms is not None and until_ms <= after_ms:
            return []
        self.expired_through_ms = until_ms
        start = WINDOW_PREFIX if after_ms is None else window_key(after_ms)
        return [(key, None) for key, _ in self.reader.scan(NODE_TABLE, start, window_key(until_ms))]

    def _restore(self) -> None:
        row = self.reader.get(NODE_TABLE, PARTITION_KEY)
        if row is not None:
            self.offset = version_of(row)
            self._restore_partition(decode_partition(row))
        for key, body in self._open_rows():
            slots = restore_slots(key, body)
            self._hold(slots)
            self.levels.add(slots.level)
            self.unsaid[slots.place] = None

    def _restore_partition(self, row: PartitionRow) -> None:
        check_rules(row, self.rules)
        self.watermarks = dict(row.watermarks)
        self.expired_through_ms = row.expired_through_ms
        self.expired_contributions = row.expired_contributions
        self._stored_final_ms = self._storing_final_ms = self.final_through_ms = self._merged()

    def _open_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Rows of windows that the partition row does not call final, and everything live."""
        final_ms = self.final_through_ms
        start = WINDOW_PREFIX if final_ms is None else window_key(final_ms)
        yield from self.reader.scan(NODE_TABLE, start, AFTER_WINDOWS)
        yield from self.reader.scan(NODE_TABLE, LIVE_PREFIX, AFTER_LIVE)


def check_rules(row: PartitionRow, rules: Rules) -> None:
    """Refuse settings that would give the remembered state another meaning."""
    for name, remembered in {"partitions": row.partitions, "window_ms": row.window_ms}.items():
        configured = getattr(rules, name)
        if configured != remembered:
            raise ValueError(
                f"{name} is set to {configured}, but the state was written with {remembered}; "
                f"set it back to {remembered}, or reset the state of both applications and read telemetry again"
            )
