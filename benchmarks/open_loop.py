"""Telemetry that is sent when it is due, whether or not what was sent before has arrived.

Every reading is measured when it should be sent: a sender that comes too late makes it no younger.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import numpy as np

from app import topics
from app.kafka.clients import BatchPublisher, Message
from benchmarks.fleet import POWER_W, Fleet, Truth, name_of, rows
from benchmarks.probes import KINDS, Probes, due, power_of

SLOT_MS = 20


class Account:
    """What was sent, by window and site, and by node for probes."""

    def __init__(self, fleet: Fleet, probes: Probes) -> None:
        self._fleet, self._probes = fleet, probes
        self._sums: dict[int, tuple[Any, Any]] = {}
        self._probed: dict[int, tuple[Counter[str], Counter[str]]] = {}

    def add(self, window: int, sites: Any, power_w: Any) -> None:
        """Count a reading of each of some sites, none of them twice."""
        zeros = np.zeros(self._fleet.sites, np.int64)
        counts, sums = self._sums.setdefault(window, (zeros, zeros.copy()))
        counts[sites] += 1
        sums[sites] += power_w

    def add_probe(self, window: int, digit: int, power_w: int) -> None:
        """Count a reading of a probe."""
        counts, sums = self._probed.setdefault(window, (Counter(), Counter()))
        for node in self._probes.chains[digit]:
            counts[node] += 1
            sums[node] += power_w

    def truth(self, until_ms: int) -> Truth:
        """Return what every node must have said of the windows that ended by a time."""
        truth: Truth = {}
        for window, held in self._sums.items():
            if window + self._fleet.window_s * 1000 <= until_ms:
                truth.update(rows(self._fleet, window, *held))
                self._add_probes(truth, window)
        return truth

    def _add_probes(self, truth: Truth, window: int) -> None:
        """In a window that is short, a node may have heard of probes alone."""
        counts, sums = self._probed.get(window, (Counter(), Counter()))
        for node in counts:
            readings, sum_w = truth.get((node, window), (0, 0))
            truth[node, window] = (readings + counts[node], sum_w + sums[node])


class OpenLoop:
    """Sends the readings of a fleet and its probes at a rate."""

    def __init__(self, fleet: Fleet, probes: Probes, *, rate: int, began_ms: int) -> None:
        self.fleet, self.probes, self.rate, self.began_ms = fleet, probes, rate, began_ms
        self.account = Account(fleet, probes)
        self.late_s: list[float] = []
        """How much later than due each slot was handed over."""
        self.sent = 0
        self._names = [name_of(site) for site in range(fleet.sites)]
        self._homes = fleet.homes()
        self._chance = np.random.default_rng(fleet.seed)

    async def run(self, broker: str, seconds: float) -> None:
        """Send everything that is due in so many seconds."""
        async with BatchPublisher(broker) as publisher:
            for slot in range(int(seconds * 1000 / SLOT_MS)):
                due_ms = self.began_ms + slot * SLOT_MS
                if (ahead_s := due_ms / 1000 - time.time()) > 0:
                    await asyncio.sleep(ahead_s)
                self.late_s.append(max(0.0, time.time() - due_ms / 1000))
                for home, messages in self._due(slot, due_ms).items():
                    await publisher.publish(topics.TELEMETRY, home, messages)

    def _due(self, slot: int, due_ms: int) -> dict[int, list[Message]]:
        """Return the messages of a slot by partition: the next sites in turn, and the probes whose turn it is."""
        begin, end = slot * self.rate * SLOT_MS // 1000, (slot + 1) * self.rate * SLOT_MS // 1000
        sites = np.arange(begin, end) % self.fleet.sites
        power_w, window = self._chance.integers(*POWER_W, size=len(sites)), self._window(due_ms)
        self.account.add(window, sites, power_w)
        homes: dict[int, list[Message]] = {}
        for site, watts in zip(sites.tolist(), power_w.tolist(), strict=True):
            name = self._names[site]
            value = b'{"device":"%s/0","measured_at_ms":%d,"active_power_w":%d}' % (name, due_ms, watts)
            homes.setdefault(self._homes[site], []).append((name, value, (), None))
        for digit, kind, count in due(slot, SLOT_MS, self.fleet.partitions):
            homes.setdefault(digit, []).append(self._probe(digit, kind, count, due_ms))
        self.sent += len(sites)
        return homes

    def _probe(self, digit: int, kind: int, count: int, due_ms: int) -> Message:
        site, power_w = self.probes.sites[digit].encode(), power_of(digit, count)
        self.account.add_probe(self._window(due_ms), digit, power_w)
        return (
            site,
            b'{"device":"%s/%s","measured_at_ms":%d,"active_power_w":%d}'
            % (site, KINDS[kind].encode(), due_ms, power_w),
            (),
            None,
        )

    def _window(self, at_ms: int) -> int:
        window_ms = self.fleet.window_s * 1000
        return at_ms // window_ms * window_ms
