"""A small random world: rules, a topology that changes, and what its sites send, bad and late records included."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import NamedTuple

from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.domain.rules import Rules
from tests.simulation.edits import (
    EVERY,
    RARE,
    Late,
    add_device,
    edge_to,
    join_or_leave,
    keeper,
    move,
    retire_or_bring_back,
)

BASE_MS = 1_464_782_400_000
KINDS = ("pv", "battery", "load")
USUAL_CHANGES = 4


class Message(NamedTuple):
    offset: int
    timestamp: int
    key: bytes
    value: bytes


TopologyRecord = tuple[str, str, NodeRecord | SiteRecord]
"""`node` or `site`, its id, its record."""


class Change(NamedTuple):
    """A record of topology, and the stream time at which it becomes known."""

    known_ms: int
    record: TopologyRecord


class World:
    """Everything that a seed decides before the faults."""

    def __init__(self, seed: int, *, changes: int = 4, records: int = 1_000) -> None:
        chance = self.chance = random.Random(seed)
        self.other = random.Random(seed * 6101 + 3)
        self.partitions = chance.choice((1, 2, 2, 3))
        window = chance.choice((60, 60, 300)) * 1000
        self.rules = {
            "window": window, "grace": chance.choice((0, 30_000, 120_000)), "tick": 5_000, "future": 60_000,
            "horizon": max(window * 4, chance.choice((240_000, 600_000, 1_800_000))),
            "gap": chance.choice((30_000, 200_000, 10**9)), "delayed": 3, "offline": 6, "recover": 2, "fresh": 3,
        }  # fmt: skip
        self.topology = self._topology()
        self.has_many = changes > USUAL_CHANGES
        self.may_change = changes > 0
        self.late: list[Late] = []
        self.off: dict[str, int] = {}
        """By how much the clock of a site is off."""
        self.logs: dict[int, list[Message]] = {partition: [] for partition in range(self.partitions)}
        self._send()
        self._first = copy.deepcopy(self.topology)
        self.changes = sorted(self._changes(changes), key=lambda change: change.known_ms)
        for log in self.logs.values():
            del log[records:]

    def first_topology(self) -> list[TopologyRecord]:
        nodes, sites = self._first["nodes"], self._first["sites"]
        return [("node", name, node_record(one)) for name, one in nodes.items()] + [
            ("site", name, site_record(one)) for name, one in sites.items()
        ]

    def partition_of(self, key: bytes) -> int:
        return sum(key) % self.partitions

    def machine_rules(self) -> Rules:
        rules = self.rules
        return Rules(
            partitions=self.partitions,
            window_ms=rules["window"],
            grace_ms=rules["grace"],
            horizon_ms=rules["horizon"],
            future_ms=rules["future"],
            tick_ms=rules["tick"],
            attended_gap_ms=rules["gap"],
            fresh_intervals=rules["fresh"],
            delayed_intervals=rules["delayed"],
            offline_intervals=rules["offline"],
            recover_readings=rules["recover"],
            window_blocks=2,
            cached_windows=2,
        )

    def sites_of(self, partition: int) -> list[str]:
        return [site for site in self.topology["sites"] if self.partition_of(site.encode()) == partition]

    def _topology(self) -> dict:
        chance = self.chance
        nodes = {name: {"level": "grid", "hierarchy": "grid", "parents": []} for name in ("top", "top2")}
        for name in ("f1", "f2", "f3"):
            nodes[name] = {"level": "feeder", "hierarchy": "grid", "parents": [edge_to("top", 0)]}
        nodes["deep"] = {"level": "street", "hierarchy": "grid", "parents": [edge_to("f3", 0)]}
        nodes["g1"] = {"level": "group", "hierarchy": "group", "parents": []}
        nodes["g2"] = {"level": "group", "hierarchy": "group", "parents": []}
        sites = {}
        for number in range(chance.randint(2, 5)):
            parents = [edge_to(chance.choice(("f1", "f2", "f3", "deep", "top")), 0)]
            parents += [edge_to(group, 0) for group in ("g1", "g2") if chance.random() < 0.5]
            devices = {f"d{number}{one}": self._device(chance) for one in range(chance.randint(1, 2))}
            sites[f"site-{number}"] = {"parents": parents, "devices": devices}
        return {"nodes": nodes, "sites": sites}

    @staticmethod
    def _device(chance: random.Random) -> dict:
        kind = chance.choice(KINDS)
        return {
            "kind": kind, "rated": chance.randrange(100, 900), "interval": chance.choice((10, 20, 30, 60, 90, 120)),
            "capacity": 5_000 if kind == "battery" else None, "from": 0, "to": None,
        }  # fmt: skip

    def _changes(self, most: int) -> list[Change]:
        """Edit the topology, each time later than before; `self.topology` ends as the truth of every moment."""
        chance = self.chance
        count = min(most, chance.choice((0, 0, 1, 2, 4)))
        known = sorted(chance.randrange(BASE_MS, self.end_ms) for _ in range(count))
        due: list[tuple[int, int, Callable[[int], TopologyRecord]]] = [(at_ms, 2, self._some_edit) for at_ms in known]
        redescribed_ms = self._redescribed_ms() if most else None
        if redescribed_ms is not None:
            due.append((redescribed_ms, 1, lambda _: self._redescribe()))
        if most:
            due += [(one.known_ms, 0, lambda _, one=one: self._grow(one)) for one in self.late]
            due += [(self.other.randrange(BASE_MS, self.end_ms), 3, self._more) for _ in range(self._count_more(most))]
        return [Change(at_ms, edit(at_ms)) for at_ms, _, edit in sorted(due, key=lambda one: one[:2])]

    def _count_more(self, most: int) -> int:
        """With more changes than a schedule has otherwise, all that are asked for."""
        return most if most > USUAL_CHANGES else self.other.choice((0, 0, 0, 0, 1, 2, 3))

    def _more(self, known_ms: int) -> TopologyRecord:
        """Choose from all kinds of edits where there are many, else from those that `_edit` does not make."""
        edit = self.other.choice(EVERY if self.has_many else RARE)
        what, name = edit(self.other, self.topology, self._effect_ms(self.other, known_ms))
        if what == "node":
            return "node", name, node_record(self.topology["nodes"][name])
        return "site", name, site_record(self.topology["sites"][name])

    def _grow(self, late: Late) -> TopologyRecord:
        site = self.topology["sites"][late.site]
        add_device(site, late)
        return "site", late.site, site_record(site)

    def _some_edit(self, known_ms: int) -> TopologyRecord:
        effect_ms = self._effect_ms(self.chance, known_ms)
        return self._edit(effect_ms, known_ms - self.rules["horizon"] // 2)

    def _effect_ms(self, chance: random.Random, known_ms: int) -> int:
        """Past, present or future; near enough, where there are many, not to be all behind one of the far future."""
        if self.has_many:
            return known_ms + chance.randrange(-2 * self.rules["window"], 2 * self.rules["window"])
        return known_ms + chance.randrange(-self.rules["horizon"] // 2, 3 * self.rules["window"])

    def _late_devices(self, start_ms: int) -> list[Late]:
        """Choose sites that gain a device; it reports no oftener than one that they have."""
        found = []
        for name, site in self.topology["sites"].items():
            if self.other.random() < 0.15:
                known_ms = start_ms + self.other.randrange(3 * self.rules["window"])
                spec = self._device(self.other)
                spec["interval"] = max(spec["interval"], *(one["interval"] for one in site["devices"].values()), 0)
                spec["from"] = max(0, self._effect_ms(self.other, known_ms))
                site["grows"] = True
                found.append(Late(name, f"late-{name}", spec, known_ms))
        return found

    def _redescribed_ms(self) -> int | None:
        """Choose when a device turns out to have been of another kind: while every window is still kept, or never."""
        last_ms = min(self.end_ms, BASE_MS + self.rules["horizon"] // 2 - self.rules["window"])
        if self.other.random() < 0.5 or last_ms <= BASE_MS:
            return None
        return self.other.randrange(BASE_MS, last_ms)

    def _redescribe(self) -> TopologyRecord:
        """Exchange two kinds that do the same, so that nothing but totals by kind changes, from the first window on."""
        name, devices = self.other.choice(self._described())
        site = self.topology["sites"][name]
        for device in devices:
            kind = site["devices"][device]["kind"]
            site["devices"][device]["kind"] = {"pv": "load", "load": "pv"}.get(kind, kind)
        return "site", name, site_record(site)

    def _described(self) -> list[tuple[str, list[str]]]:
        """Return whole sites to choose from, or a device that began late: what it said before is its own, too."""
        sites = sorted(self.topology["sites"].items())
        began_late = [
            (name, [one])
            for name, site in sites
            for one, spec in site["devices"].items()
            if spec["from"] and spec["kind"] != "battery"
        ]
        return began_late or [(name, sorted(site["devices"])) for name, site in sites]

    def _edit(self, effect_ms: int, earliest_ms: int) -> TopologyRecord:
        chance = self.chance
        if chance.random() < 0.25:
            name = chance.choice(("f1", "f2", "f3", "deep"))
            node = self.topology["nodes"][name]
            move(node["parents"], chance.choice(("top", "top2") if name != "deep" else ("f2", "f3")), effect_ms)
            return "node", name, node_record(node)
        name = chance.choice(sorted(self.topology["sites"]))
        site = self.topology["sites"][name]
        if chance.random() < 0.25:
            device = chance.choice(sorted(site["devices"].values(), key=str))
            retire_or_bring_back(site, device, effect_ms, earliest_ms)
        elif chance.random() < 0.4:
            join_or_leave(site["parents"], chance.choice(("g1", "g2")), effect_ms)
        else:
            move(site["parents"], chance.choice(("f1", "f2", "f3", "deep", "top")), effect_ms)
        return "site", name, site_record(site)

    def _send(self) -> None:
        chance, rules = self.chance, self.rules
        now = BASE_MS + chance.randrange(rules["window"])
        self._choose_odd(now)
        waiting: list[tuple[int, bytes, bytes]] = []
        length = chance.randrange(4, 14) * rules["window"]
        end = now + min(length, 1_500_000)
        quiet = {site: chance.random() < 0.2 for site in self.topology["sites"]}
        while now < end:
            step = chance.choice((1_000, 5_000, 10_000, 20_000))
            if chance.random() < 0.03:
                step = chance.choice((rules["window"] * 2, rules["horizon"], 45_000))
            now += step
            for site, record in self.topology["sites"].items():
                if chance.random() < (0.1 if quiet[site] else 0.35):
                    waiting.append((now, site.encode(), self._value(site, record, now)))
            waiting.sort(key=lambda one: one[0] + chance.choice((0, 0, 0, 5_000)))
            for ts, key, value in waiting:
                self._put(self.partition_of(key), ts, key, value)
            waiting = []
            if chance.random() < 0.3:
                self._tick(now)
        self.end_ms = now
        for _ in range(3):
            self._tick(now)
        self._tick(now + rules["window"] + rules["grace"] + 1_000)

    def _choose_odd(self, start_ms: int) -> None:
        """Choose sites that gain a device, devices that report outside their validity, and sites whose clock is off."""
        if self.may_change:
            self.late = self._late_devices(start_ms)
        self._limit_devices(start_ms)
        window = self.rules["window"]
        for site in self.topology["sites"]:
            if self.other.random() < 0.15:
                self.off[site] = self.other.choice((-3 * window, -2 * window, 30_000, self.rules["future"] + 5_000))

    def _limit_devices(self, start_ms: int) -> None:
        """Have devices begin or end within the schedule; they report all the time."""
        for site in self.topology["sites"].values():
            for device in site["devices"].values():
                if device is not keeper(site) and self.other.random() < 0.4:
                    limit_ms = start_ms + self.other.randrange(1, 8 * self.rules["window"])
                    device[self.other.choice(("from", "to"))] = limit_ms

    def _known_devices(self, site: str, record: dict, now: int) -> dict:
        """A device that was added reports once every worker knows it."""
        late = {
            one.device: one.spec for one in self.late if one.site == site and one.known_ms + self.rules["window"] <= now
        }
        return {**record["devices"], **late}

    def _value(self, site: str, record: dict, now: int) -> bytes:
        chance, rules = self.chance, self.rules
        devices = self._known_devices(site, record, now)
        device = chance.choice(sorted(devices))
        spec = devices[device]
        late = (2_000, 2_000, 40_000, rules["window"], rules["horizon"] // 2, rules["horizon"] + 5_000)
        age = chance.choice((0, 0, 0, 300, *late, -2_000, -rules["future"] - 1))
        if chance.random() < 0.6:
            age = chance.choice((0, 300, 900))
        if age <= rules["horizon"] // 2:  # changes of the past reach back no further
            age = min(age - self.off.get(site, 0), rules["horizon"] // 2)
        at = (now - age) // 100 * 100
        one = {"device": device, "measured_at_ms": at, "active_power_w": chance.randint(-spec["rated"], spec["rated"])}
        if spec["capacity"] is not None and chance.random() < 0.7:
            one["state_of_charge_wh"] = chance.randrange(spec["capacity"] + 1)
        roll = chance.random()
        if roll < 0.06:
            other = {**one, "measured_at_ms": at - 1_000, "device": chance.choice(sorted(devices))}
            return json.dumps([one, other]).encode()
        if roll < 0.08:
            return b'{"device":'
        if roll < 0.10:
            return json.dumps({**one, "device": "nobody"}).encode()
        if roll < 0.12:
            return json.dumps({**one, "active_power_w": 99_999_999}).encode()
        if roll < 0.13:
            return json.dumps({**one, "active_power_w": "1"}).encode()
        return json.dumps(one).encode()

    def _put(self, partition: int, ts: int, key: bytes, value: bytes) -> None:
        log, chance = self.logs[partition], self.chance
        log.append(Message(len(log), ts, key, value))
        if chance.random() < 0.06 and len(log) > 1:
            again = chance.choice(log[-20:])
            log.append(Message(len(log), max(ts, again.timestamp), again.key, again.value))
        if chance.random() < 0.02:
            log.append(Message(len(log), ts, b"stranger", value))

    def _tick(self, now: int) -> None:
        for log in self.logs.values():
            log.append(Message(len(log), now, b"", b""))


def node_record(node: dict) -> NodeRecord:
    return NodeRecord(level=node["level"], hierarchy=node["hierarchy"], parents=tuple(map(_edge, node["parents"])))


def site_record(site: dict) -> SiteRecord:
    return SiteRecord(
        parents=tuple(map(_edge, site["parents"])),
        devices=tuple(
            DeviceRecord(name, one["kind"], one["rated"], one["interval"], one["capacity"], one["from"], one["to"])
            for name, one in site["devices"].items()
        ),
    )


def _edge(edge: dict) -> Edge:
    return Edge(edge["node"], edge["from"], edge["to"])
