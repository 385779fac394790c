"""When what was sent could be seen: read back from the topics, by the broker's clock."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from app import topics
from app.kafka.clients import read_to_end
from benchmarks.figures import summary
from benchmarks.fleet import Fleet
from benchmarks.open_loop import SLOT_MS
from benchmarks.outputs import FINAL
from benchmarks.probes import KINDS, PERIOD_MS, Probes, due, heard

LIVE = b"|live"


class Power(msgspec.Struct, frozen=True):
    """What is needed of a kind's live value."""

    active_power_w: int


class Now(msgspec.Struct, frozen=True):
    """What is needed of a live value."""

    node: str
    kinds: dict[str, Power]


class Window(msgspec.Struct, frozen=True):
    """What is needed of a window; of a site it is always final."""

    window_start_ms: int
    status: str = "final"


class Device(msgspec.Struct, frozen=True):
    """What is needed of a device of a twin."""

    device: str
    measured_at_ms: int | None = None


class Twin(msgspec.Struct, frozen=True):
    """What is needed of a twin."""

    site: str
    devices: list[Device]


_now = msgspec.json.Decoder(Now).decode
_window = msgspec.json.Decoder(Window).decode
_twin = msgspec.json.Decoder(Twin).decode


class Span(msgspec.Struct, frozen=True):
    """A run: when its first slot was due, and which part of it counts."""

    began_ms: int
    from_ms: int
    until_ms: int

    def holds(self, at_ms: float) -> bool:
        """Whether a time counts."""
        return self.from_ms <= at_ms < self.until_ms


class Sight:
    """Latencies of probes at one node or twin: each is seen when a value holds its count or a later one."""

    def __init__(self, span: Span, digits: int) -> None:
        self._span = span
        self._counts: dict[tuple[int, int], int] = {}
        first = {
            (digit, kind): slot for slot in range(PERIOD_MS // SLOT_MS) for digit, kind, _ in due(slot, SLOT_MS, digits)
        }
        self._first_ms = {probe: span.began_ms + slot * SLOT_MS for probe, slot in first.items()}
        self.latencies_s: list[float] = []

    def sum_seen(self, digit: int, kind: int, power_w: int, at_ms: int) -> None:
        """Take in a node's sum."""
        before = self._counts.get((digit, kind), 0)
        self._seen(digit, kind, heard(power_w, digit, before), at_ms)

    def reading_seen(self, digit: int, kind: int, measured_ms: int, at_ms: int) -> None:
        """Take in a twin's reading."""
        self._seen(digit, kind, (measured_ms - self._first_ms[digit, kind]) // PERIOD_MS + 1, at_ms)

    def _seen(self, digit: int, kind: int, count: int, at_ms: int) -> None:
        before = self._counts.get((digit, kind), 0)
        for number in range(before, count):
            sent_ms = self._first_ms[digit, kind] + number * PERIOD_MS
            if self._span.holds(sent_ms):
                self.latencies_s.append((at_ms - sent_ms) / 1000)
        self._counts[digit, kind] = max(before, count)


class Volume:
    """Records and bytes in the part of a run that counts."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._records = self._bytes = 0

    def add(self, record: Any) -> None:
        """Count a record by when the broker took it."""
        if self._span.holds(record.timestamp):
            self._records += 1
            self._bytes += len(record.key) + len(record.value or b"")

    def per_s(self) -> dict[str, float]:
        """Return the rates."""
        seconds = (self._span.until_ms - self._span.from_ms) / 1000
        return {"records_per_s": round(self._records / seconds, 1), "bytes_per_s": round(self._bytes / seconds)}


class Level:
    """What is seen of one level, record by record."""

    def __init__(self, fleet: Fleet, probes: Probes, span: Span, grace_ms: int) -> None:
        self._span, self._after_ms = span, fleet.window_s * 1000 + grace_ms
        self._below = probes.below()
        self._digits = {site: digit for digit, site in enumerate(probes.sites)}
        self._sights: dict[str, Sight] = defaultdict(lambda: Sight(span, fleet.partitions))
        self._first: dict[bytes, float] = {}
        self._live, self._windows = Volume(span), Volume(span)

    def live(self, record: Any) -> None:
        """Take in a node's live value."""
        self._live.add(record)
        if b'"probe_' in record.value:
            now = _now(record.value)
            for kind, name in enumerate(KINDS):
                for digit in self._below[now.node] if name in now.kinds else ():
                    power_w = now.kinds[name].active_power_w
                    self._sights[now.node].sum_seen(digit, kind, power_w, record.timestamp)

    def twin(self, record: Any) -> None:
        """Take in a twin."""
        self._live.add(record)
        if record.key.startswith(b"probe-"):
            twin = _twin(record.value)
            for one in twin.devices:
                if one.measured_at_ms is not None:
                    kind = KINDS.index(one.device.rpartition("/")[2])
                    digit = self._digits[twin.site]
                    self._sights[twin.site].reading_seen(digit, kind, one.measured_at_ms, record.timestamp)

    def window(self, record: Any) -> None:
        """Take in a window; it counts when it is final for the first time."""
        self._windows.add(record)
        window = _window(record.value)
        due_ms = window.window_start_ms + self._after_ms
        if window.status in FINAL and self._span.holds(due_ms):
            self._first.setdefault(record.key, (record.timestamp - due_ms) / 1000)

    def result(self) -> dict[str, Any]:
        """Return latency and volume."""
        return {
            "live_s": summary(latency for sight in self._sights.values() for latency in sight.latencies_s),
            "final_s": summary(self._first.values()),
            "live": self._live.per_s(),
            "windows": self._windows.per_s(),
        }


async def look(broker: str, fleet: Fleet, probes: Probes, span: Span, grace_ms: int) -> dict[str, Any]:
    """Return latency and volume by level, sites first."""
    site = Level(fleet, probes, span, grace_ms)
    async for record in read_to_end(broker, topics.TWIN_UPDATED):
        site.twin(record)
    async for record in read_to_end(broker, topics.AGGREGATE_SITE):
        site.window(record)
    found = {"site": site.result()}
    for name in fleet.levels:
        level = Level(fleet, probes, span, grace_ms)
        async for record in read_to_end(broker, topics.level_topic(name)):
            level.live(record) if record.key.endswith(LIVE) else level.window(record)
        found[name] = level.result()
    return found
