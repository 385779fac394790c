"""Closed windows of a partition: on disk in blocks of sites; in memory while there is something to say or store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from app.domain.entry import Entry
from app.domain.membership import Membership
from app.domain.rows import RowReader
from app.domain.rules import Rules
from app.domain.site import Device, Site
from app.domain.site_records import EntryRow
from app.domain.site_rows import (
    WINDOW_TABLE,
    block_of_key,
    decode_block,
    encode_block,
    restore_entry,
    start_of_key,
    window_key,
)
from app.domain.units import Milliseconds, Offset
from app.domain.window import Window

ONE_MS = Milliseconds(1)


class ClosedWindows:
    """Windows between closing and expiry.

    A window that was just closed is complete in memory until its rows are stored, then leaves. A late reading
    brings it back: one scan of its rows rebuilds its totals, which stay in a bounded cache for the next one.
    """

    def __init__(
        self, rules: Rules, reader: RowReader, sites: dict[str, Site], new_window: Callable[[Milliseconds], Window]
    ) -> None:
        self.rules = rules
        self.blocks = rules.window_blocks
        self.reader = reader
        self.sites = sites
        self.new_window = new_window
        self.held: dict[Milliseconds, Window] = {}
        self._storing: list[Window] = []

    def close(self, window: Window) -> None:
        """Take over a window that is complete in memory; all of its rows have to be written."""
        self.held[window.start_ms] = window
        window.dirty_blocks.update(self._block_of(entry.device.site) for entry in window.entries)

    def window(self, start_ms: Milliseconds) -> Window:
        """Return a closed window with the totals of every node."""
        found = self.held.get(start_ms)
        if found is None:
            found = self.held[start_ms] = self._load(start_ms)
        return found

    def entry(self, window: Window, device: Device) -> Entry:
        """Return a device's entry of a closed window, to be changed and stored again."""
        block = self._block_of(device.site)
        entries = window.entries if window.is_complete else self._block(window, block)
        window.dirty_blocks.add(block)
        found = device.entry_of(window.start_ms) or next((one for one in entries if one.device is device), None)
        if found is None:
            found = Entry(device, window.start_ms)
            entries.append(found)
        if found not in device.entries:
            device.entries.append(found)
        return found

    def entries_of(self, window: Window, sites: Collection[Site]) -> Iterator[Entry]:
        """Yield the entries of some sites in a closed window; what is not in memory is read, and not kept."""
        if window.is_complete:
            yield from (entry for entry in window.entries if entry.device.site in sites)
            return
        for block in sorted({self._block_of(site) for site in sites}):
            found = window.blocks.get(block)
            if found is None:
                row = self.reader.get(WINDOW_TABLE, window_key(window.start_ms, block))
                found = list(self._entries(row)) if row else []
            yield from (entry for entry in found if entry.device.site in sites)

    def adopt(self, entry: Entry) -> None:
        """Put an entry that a site's row holds in the place of its copy in the block, which may be older."""
        window = self.window(entry.start_ms)
        entries = self._block(window, self._block_of(entry.device.site))
        window.dirty_blocks.add(self._block_of(entry.device.site))
        if entry not in entries:
            entries.append(entry)
        if not entry.is_added:
            window.mark(entry)

    def rebuild(self, membership_of: Callable[[Milliseconds], Membership]) -> None:
        """Add up anew, for another topology, what is in memory; totals that nobody needs are dropped."""
        self.held = {start: window for start, window in self.held.items() if _is_needed(window)}
        for start, window in self.held.items():
            window.rebuild(membership_of(start))
            if not window.is_complete:
                self._mark_all(window)
            window.settle()

    def _mark_all(self, window: Window) -> None:
        """Have every entry added anew: those of loaded blocks as they are in memory, the others as they are stored."""
        for entry in [*_all(window.blocks.values()), *self._stored_entries(window)]:
            window.mark_unadded(entry)

    def rows(self, version: Offset) -> list[tuple[bytes, bytes | None]]:
        """Return the rows of every block that changed."""
        rows: list[tuple[bytes, bytes | None]] = []
        self._storing = [window for window in self.held.values() if window.is_complete or window.dirty_blocks]
        for window in self._storing:
            blocks = self._by_block(window.entries) if window.is_complete else window.blocks
            rows += [
                (window_key(window.start_ms, block), encode_block(blocks[block], version))
                for block in sorted(window.dirty_blocks)
            ]
            window.dirty_blocks = set()
        return rows

    def expired_rows(self, after_ms: Milliseconds | None, until_ms: Milliseconds) -> list[tuple[bytes, bytes | None]]:
        """Return tombstones for every stored window that starts before *until_ms*, from *after_ms* on."""
        start = window_key(after_ms if after_ms is not None else Milliseconds(0))
        return [(key, None) for key, _ in self.reader.scan(WINDOW_TABLE, start, window_key(until_ms))]

    def stored(self) -> None:
        """Let go of what is in the rows now."""
        for window in self._storing:
            if not (window.dirty_blocks or window.changed or window.unsaid):
                self._release(window)
        self._storing = []
        clean = [start for start, window in self.held.items() if not _is_needed(window)]
        for start in clean[: max(0, len(self.held) - self.rules.cached_windows)]:
            del self.held[start]

    def starts_with_rows(self, after_ms: Milliseconds, until_ms: Milliseconds) -> list[Milliseconds]:
        """Return the windows that have rows, within bounds."""
        keys = self.reader.scan(WINDOW_TABLE, window_key(after_ms), window_key(until_ms))
        return sorted({start_of_key(key) for key, _ in keys})

    def _release(self, window: Window) -> None:
        for entry in window.entries if window.is_complete else _all(window.blocks.values()):
            entry.device.drop(entry)
        if window.is_complete:
            del self.held[window.start_ms]
        window.blocks = {}

    def _load(self, start_ms: Milliseconds) -> Window:
        window = self.new_window(start_ms)
        window.is_complete = False
        for entry in self._stored_entries(window):
            window.mark(entry)
        window.settle()
        window.unsaid = set()
        return window

    def _stored_entries(self, window: Window) -> Iterator[Entry]:
        start, end = window_key(window.start_ms), window_key(window.start_ms + ONE_MS)
        for key, row in self.reader.scan(WINDOW_TABLE, start, end):
            if block_of_key(key) not in window.blocks:
                yield from self._entries(row)

    def _block(self, window: Window, block: int) -> list[Entry]:
        found = window.blocks.get(block)
        if found is None:
            row = self.reader.get(WINDOW_TABLE, window_key(window.start_ms, block))
            found = window.blocks[block] = list(self._entries(row)) if row else []
            for entry in found:
                entry.is_added = entry.device.record is not None
        return found

    def _entries(self, row: bytes) -> Iterator[Entry]:
        """Entries of a block; one that a device holds in memory is newer than its copy in the row."""
        for site, name, body in decode_block(row):
            yield self._entry(self.sites.setdefault(site, Site(site)), name, body)

    @staticmethod
    def _entry(site: Site, name: str, body: EntryRow) -> Entry:
        device = site.device(name) or site.add(Device(site, name))
        return device.entry_of(body.start_ms) or restore_entry(device, body)

    def _by_block(self, entries: Iterable[Entry]) -> dict[int, list[Entry]]:
        blocks: dict[int, list[Entry]] = {}
        for entry in entries:
            blocks.setdefault(self._block_of(entry.device.site), []).append(entry)
        return blocks

    def _block_of(self, site: Site) -> int:
        return site.crc % self.blocks


def _is_needed(window: Window) -> bool:
    return bool(window.is_complete or window.dirty_blocks or window.changed or window.unsaid)


def _all(blocks: Iterable[list[Entry]]) -> Iterator[Entry]:
    for entries in blocks:
        yield from entries
