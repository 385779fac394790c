"""What the view holds of the twin changelog: how far each partition is, and the windows of sites that are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from app.domain.contracts import SiteRecord
from app.domain.entry import Entry
from app.domain.membership import Membership
from app.domain.rows import version_of
from app.domain.rules import Rules
from app.domain.site import Site
from app.domain.site_rows import PARTITION_KEY, SITE_PREFIX, decode_partition, restore_site
from app.domain.units import Milliseconds
from app.domain.window import Window, span
from app.query.clocks import Clocks
from app.query.events import Event
from app.query.open_windows import OpenDevice, OpenWindow
from app.query.rows import OPEN, Draft, Held, named_key, pack, replaces, unpack


class Checkpoints:
    """The newest row of every site, which holds what is open, and how far the partitions are."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def take(self, record: Any, clocks: Clocks) -> Iterator[Event]:
        """Take in a row of the changelog; it tells nobody anything: what it means to others is said elsewhere."""
        key: bytes = record.key or b""
        if key.startswith(SITE_PREFIX):
            self._take_site(OPEN + key[len(SITE_PREFIX) :], record)
        elif key == PARTITION_KEY and record.value is not None:
            row = decode_partition(record.value)
            clocks.stream("twin", record.partition, int(row.stream_ms))
            clocks.close("twin", record.partition, int(row.closed_through_ms or 0))
        yield from ()

    def _take_site(self, key: bytes, record: Any) -> None:
        if record.value is None:
            self._draft.put(key, None)
            return
        held = Held(int(version_of(record.value)), record.timestamp, record.value)
        if replaces(self._draft, key, held)[0]:
            self._draft.put(key, pack(held))

    def open_windows(self, name: str, record: SiteRecord, rules: Rules, closed_ms: int) -> list[OpenWindow]:
        """Return the windows of a site that are not yet closed, as its row has them."""
        row = self._draft.get(named_key(OPEN, name))
        if row is None:
            return []
        held = unpack(row)
        site = restore_site(name, held.value)
        site.describe(record, rules)
        by_start: dict[int, list[Entry]] = {}
        for device in site.devices:
            for entry in device.entries:
                if entry.start_ms >= closed_ms and entry.device.record is not None:
                    by_start.setdefault(int(entry.start_ms), []).append(entry)
        return [_open(site, start_ms, entries, rules, held.revision) for start_ms, entries in sorted(by_start.items())]


def _open(site: Site, start_ms: int, entries: list[Entry], rules: Rules, revision: int) -> OpenWindow:
    start = Milliseconds(start_ms)
    window = Window(start, Membership(start, [site], lambda *_: (), rules))
    oldest, newest = span(entries)
    return OpenWindow(
        start_ms=start_ms, end_ms=start_ms + int(rules.window_ms), revision=revision,
        kinds=window.site_kinds(site, entries), devices=list(_devices(window, entries)),
        oldest_measured_at_ms=int(oldest), newest_measured_at_ms=int(newest),
    )  # fmt: skip


def _devices(window: Window, entries: Iterable[Entry]) -> Iterator[OpenDevice]:
    for entry in entries:
        one = window.measure(entry)
        yield OpenDevice(
            entry.device.name, one.readings, one.sum_w, one.mean_power_w, one.energy_import_j, one.energy_export_j,
            one.covered_device_s,
        )  # fmt: skip
