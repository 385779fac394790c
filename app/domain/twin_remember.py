"""What a partition remembers, in stages of which every prefix is a valid state, and how it comes back from that.

A site's row is whole: it holds the entries of every window that the last stored partition row does not vouch for.
So sites go first, the blocks of closed windows second, and the partition row, which vouches for both, last.
"""

from __future__ import annotations

from typing import NamedTuple

from app.domain.entry import NEVER, Entry
from app.domain.rows import RowReader, Rows, version_of, with_version
from app.domain.rules import Rules
from app.domain.site_records import PartitionRow
from app.domain.site_rows import (
    NODE_PREFIX,
    PARTITION_KEY,
    SITE_PREFIX,
    SITE_TABLE,
    WINDOW_TABLE,
    decode_partition,
    encode_partition,
    encode_site,
    restore_site,
)
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds

AFTER_NODES = b"o"
AFTER_SITES = b"t"


class Vouched(NamedTuple):
    """What the last stored partition row vouches for."""

    stream_ms: Milliseconds
    closed_through_ms: Milliseconds | None


class Memory:
    """Turns a partition's state into rows and back."""

    def __init__(self, state: TwinState) -> None:
        self.state = state
        self.late: list[Entry] = []
        """Entries of closed windows that a site's row holds but perhaps no block: the crash came in between."""
        self.stored = Vouched(state.clock.stream_ms, None)
        self._storing = self.stored

    def announce(self) -> list[Rows]:
        """Return rows for the nodes that are said for the first time, and a first partition row.

        The nodes have to hear from this partition for ever, even if it dies now and comes back with another topology.
        The partition row vouches for nothing but tells whoever comes next that something was said, by what topology.
        """
        nodes, self.state.new_nodes = self.state.new_nodes, []
        version = self.state.offset
        rows = self._first_row()
        rows += [(NODE_PREFIX + name.encode(), with_version(version, b"")) for name in nodes]
        return [Rows(SITE_TABLE, rows)]

    def _first_row(self) -> list[tuple[bytes, bytes | None]]:
        state = self.state
        if state.has_row:
            return []
        state.has_row = True
        born = TwinState(state.partition, state.rules, state.partition_of, state.reader)
        born.topology_offsets = state.topology_offsets
        return [(PARTITION_KEY, encode_partition(_partition_row(born), born.offset))]

    def remember(self) -> list[Rows]:
        """Return the rows since the last time; the stages have to be acknowledged one after the other."""
        state = self.state
        sites, state.dirty = state.dirty, []
        rows: list[tuple[bytes, bytes | None]] = []
        for site in sites:
            site.is_dirty = False
            rows.append((SITE_PREFIX + site.key, encode_site(site, state.offset)))
        blocks = state.closed.rows(state.offset) + self._expire()
        self._storing = Vouched(state.clock.stream_ms, state.closed_through_ms)
        partition = [(PARTITION_KEY, encode_partition(_partition_row(state), state.offset))]
        return [Rows(SITE_TABLE, rows), Rows(WINDOW_TABLE, blocks), Rows(SITE_TABLE, [*partition])]

    def remembered(self) -> None:
        """Let go of what the rows hold now."""
        self.stored = self._storing
        self.state.closed.stored()

    def _expire(self) -> list[tuple[bytes, bytes | None]]:
        """Drop windows that had expired at the flush before: a replay cannot bring a reading for them any more."""
        state = self.state
        until_ms = state.rules.window_start(self.stored.stream_ms - state.rules.horizon_ms)
        if state.expired_through_ms is not None and until_ms <= state.expired_through_ms:
            return []
        after_ms, state.expired_through_ms = state.expired_through_ms, until_ms
        return state.closed.expired_rows(after_ms, until_ms)

    def restore(self, reader: RowReader) -> None:
        """Rebuild the state from its rows; the topology is not known yet."""
        row = reader.get(SITE_TABLE, PARTITION_KEY)
        if row is not None:
            self.state.has_row = True
            self.state.offset = version_of(row)
            self._restore_partition(decode_partition(row))
        for key, _ in reader.scan(SITE_TABLE, NODE_PREFIX, AFTER_NODES):
            self.state.known.add(key[1:].decode())
        for key, body in reader.scan(SITE_TABLE, SITE_PREFIX, AFTER_SITES):
            self._restore_site(key[1:].decode(), body)

    def _restore_partition(self, row: PartitionRow) -> None:
        state = self.state
        check_rules(row, state.rules)
        state.clock.stream_ms = row.stream_ms
        state.clock.skew_ms = row.skew_ms
        state.first_window_ms = row.first_window_ms
        state.closed_through_ms = row.closed_through_ms
        state.expired_through_ms = row.expired_through_ms
        state.twins_said = row.twins_said
        state.topology_offsets = row.topology
        state.restate_from_ms = row.restate_from_ms
        state.redescribed_after = row.redescribed_after
        state.records, state.ticks, state.rejected = row.records, row.ticks, dict(row.rejected)
        self.stored = Vouched(row.stream_ms, row.closed_through_ms)

    def _restore_site(self, name: str, row: bytes) -> None:
        state = self.state
        closed_ms = NEVER if state.closed_through_ms is None else state.closed_through_ms
        site = state.sites[name] = restore_site(name, row, closed_ms=closed_ms, stored=state.offset)
        if site.quarantined_at is not None:
            state.quarantined.add(name)
        if site.version > state.twins_said:
            state.mark_twin(site)
        for device in site.devices:
            for entry in device.entries:
                self._hold(entry)

    def _hold(self, entry: Entry) -> None:
        """Of a closed window there is an entry only if its block may not have been written yet."""
        if self.state.is_closed(entry.start_ms):
            self.late.append(entry)
        else:
            window = self.state.open_window(entry.start_ms)
            window.entries.append(entry)
            window.mark(entry)

    def adopt_late(self) -> None:
        """Bring closed entries that only a site's row holds to their windows; topology has to be known."""
        late, self.late = self.late, []
        for entry in late:
            self.state.closed.adopt(entry)
        for window in {entry.start_ms: self.state.closed.window(entry.start_ms) for entry in late}.values():
            window.settle()
            window.unsaid = set()


def check_rules(row: PartitionRow, rules: Rules) -> None:
    """Refuse settings that would give the remembered state another meaning."""
    seen = {"partitions": row.partitions, "window_ms": row.window_ms, "window_blocks": row.window_blocks}
    for name, remembered in seen.items():
        configured = getattr(rules, name)
        if configured != remembered:
            raise ValueError(
                f"{name} is set to {configured}, but the state was written with {remembered}; "
                f"set it back to {remembered}, or reset the state of both applications and read telemetry again"
            )


def _partition_row(state: TwinState) -> PartitionRow:
    return PartitionRow(
        state.rules.partitions,
        state.rules.window_ms,
        state.rules.window_blocks,
        state.clock.stream_ms,
        state.clock.skew_ms,
        state.first_window_ms,
        state.closed_through_ms,
        state.expired_through_ms,
        state.twins_said,
        state.topology_offsets,
        _restate_from_ms(state),
        state.records,
        state.ticks,
        state.rejected,
        state.redescribed_after,
    )


def _restate_from_ms(state: TwinState) -> Milliseconds | None:
    """Return the oldest window that still has to be said again because the topology changed."""
    again = () if state.restate_from_ms is None else (state.restate_from_ms,)
    return min((*state.restate, *again), default=None)
