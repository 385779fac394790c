"""Published records as the query role reads them, and a view over rows in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from app.domain.contracts import NodeRecord, SiteRecord
from app.query.rows import Draft
from app.query.view import View
from app.topics import (
    AGGREGATE_SITE,
    REJECTED,
    TOPOLOGY_NODE,
    TOPOLOGY_SITE,
    TWIN_TRANSITIONED,
    TWIN_UPDATED,
    level_topic,
)
from tests.builders import NOON_MS, some_rules

QUARTER_MS = 900_000


class Read(NamedTuple):
    """A record as it is read from Kafka."""

    topic: str
    key: bytes
    value: bytes | None
    timestamp: int = NOON_MS
    partition: int = 0
    offset: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class MemoryRows:
    """Rows in memory, as a store keeps them."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def scan(self, start: bytes, end: bytes, *, back: bool = False) -> Iterator[tuple[bytes, bytes]]:
        keys = sorted((key for key in self.rows if start <= key < end), reverse=back)
        yield from [(key, self.rows[key]) for key in keys]

    def write(self, draft: Draft, offsets: Mapping[str, Mapping[int, int]]) -> None:
        dropped, written = draft.take()
        for start, end in dropped:
            self.rows = {key: row for key, row in self.rows.items() if not start <= key < end}
        for key, row in written:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


def a_view(rows: MemoryRows | None = None, *records: Read, retention_days: int = 35) -> View:
    """Make a view that has read records and written what they changed."""
    rows = rows if rows is not None else MemoryRows()
    view = View(rows, some_rules(), retention_days=retention_days)
    read(view, *records)
    return view


def read(view: View, *records: Read) -> list[tuple[str, dict[str, Any]]]:
    """Let a view read; return the events by name."""
    events = view.apply(records)
    view.draft.rows.write(view.draft, {})  # type: ignore[attr-defined]
    return [(event.name, json.loads(event.data)) for event in events]


def kind_totals(power_w: int, *, reporting: int = 1, expected: int = 1, window_s: int = 900) -> dict[str, int]:
    return {"readings": reporting, "sum_w": power_w, "mean_power_w": power_w,
            "energy_import_j": max(power_w, 0) * window_s, "energy_export_j": max(-power_w, 0) * window_s,
            "devices_expected": expected, "devices_reporting": reporting,
            "covered_device_s": reporting * window_s, "expected_device_s": expected * window_s}  # fmt: skip


def a_window(
    node: str = "n", power_w: int = 1, *, revision: int = 1, status: str = "final", start_ms: int = NOON_MS,
    level: str = "feeder", reporting: int = 1, expected: int = 1, at_ms: int = NOON_MS,
) -> Read:  # fmt: skip
    kinds = kind_totals(power_w, reporting=reporting, expected=expected)
    state = "complete" if reporting == expected else "partial" if reporting else "empty"
    row: dict[str, Any] = {
        "schema": 1, "node": node, "level": level, "window_start_ms": start_ms, "window_s": 900,
        "revision": revision, "status": status, "state": state, "kinds": {"all": kinds, "load": kinds},
        "oldest_measured_at_ms": start_ms, "newest_measured_at_ms": start_ms,
    }  # fmt: skip
    if level == "site":
        row["state_of_charge_wh"] = {}
    else:
        row |= {"hierarchy": "grid", "waiting_for": [], "sites": {"expected": expected, "reporting": reporting},
                "rated_power_w": {"expected": expected * 100, "reporting": reporting * 100}}  # fmt: skip
    topic = AGGREGATE_SITE if level == "site" else level_topic(level)
    return Read(topic, f"{node}|{start_ms}".encode(), json.dumps(row).encode(), at_ms)


def a_live(
    node: str = "n", power_w: int = 1, *, revision: int = 1, level: str = "feeder", as_of_ms: int = NOON_MS,
    fresh: int = 1, stale: int = 0, at_ms: int = NOON_MS,
) -> Read:  # fmt: skip
    kind = {"active_power_w": power_w, "import_w": max(power_w, 0), "export_w": max(-power_w, 0),
            "stale_power_w": 20 * stale, "devices_fresh": fresh, "devices_stale": stale, "devices_never": 0,
            "rated_power_w": 100 * (fresh + stale), "stale_rated_power_w": 100 * stale}  # fmt: skip
    row = {"schema": 1, "node": node, "level": level, "hierarchy": "grid", "as_of_ms": as_of_ms,
           "revision": revision, "state": "partial" if stale else "complete", "kinds": {"all": kind, "load": kind},
           "sites": {"online": fresh, "delayed": stale, "recovering": 0, "offline": 0, "never_seen": 0},
           "storage": {"state_of_charge_wh": 1, "usable_capacity_wh": 10, "charge_power_available_w": 20,
                       "discharge_power_available_w": 30}}  # fmt: skip
    return Read(level_topic(level), f"{node}|live".encode(), json.dumps(row).encode(), at_ms)


def a_twin(
    site: str = "s", *devices: dict[str, Any], revision: int = 1, as_of_ms: int = NOON_MS, connectivity: str = "online"
) -> Read:
    row = {"schema": 1, "site": site, "revision": revision, "as_of_ms": as_of_ms, "connectivity": connectivity,
           "heard_at_ms": as_of_ms, "quarantined": False, "devices": list(devices),
           "readings": {"applied": 1, "duplicate": 0, "conflicting": 0}}  # fmt: skip
    return Read(TWIN_UPDATED, site.encode(), json.dumps(row).encode())


def a_twin_device(
    device: str, power_w: int = 1, *, kind: str = "load", at_ms: int = NOON_MS, stored_wh: int | None = None
) -> dict[str, Any]:
    return {"device": device, "kind": kind, "operation": "consuming", "measured_at_ms": at_ms, "heard_at_ms": at_ms,
            "active_power_w": power_w, "reactive_power_var": None, "state_of_charge_wh": stored_wh,
            "energy_import_wh": None, "energy_export_wh": None}  # fmt: skip


def a_transition(site: str = "s", *, sequence: int = 1, at_ms: int = NOON_MS, after: str = "online") -> Read:
    row = {"schema": 1, "site": site, "device": None, "machine": "connectivity", "before": "never_seen",
           "after": after, "cause": "heard", "at_ms": at_ms, "sequence": sequence, "revision": sequence}  # fmt: skip
    return Read(TWIN_TRANSITIONED, site.encode(), json.dumps(row).encode())


def a_rejection(offset: int = 1, *, reason: str = "too_late", site: str = "s", at_ms: int = NOON_MS) -> Read:
    headers = [("vpp-reason", reason.encode()), ("vpp-detail", b"why"), ("vpp-topic", b"t"), ("vpp-partition", b"2"),
               ("vpp-offset", str(offset).encode()), ("vpp-items", b""), ("vpp-key", site.encode())]  # fmt: skip
    return Read(REJECTED, f"t/2/{offset}".encode(), b"{}", at_ms, headers=headers)


def known(topology: Mapping[str, NodeRecord | SiteRecord | None], *, sites: Sequence[str] = ()) -> list[Read]:
    """Return the topology records of members; *sites* names which of the removed ones are sites."""
    return [
        Read(TOPOLOGY_SITE if isinstance(record, SiteRecord) or name in sites else TOPOLOGY_NODE, name.encode(),
             msgspec.json.encode(record) if record is not None else None)
        for name, record in topology.items()
    ]  # fmt: skip
