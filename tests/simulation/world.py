"""A small random world: rules, a topology that changes, and what its sites send, bad and late records included."""

from __future__ import annotations

import copy
import json
import random
from typing import NamedTuple

from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.domain.rules import Rules

BASE_MS = 1_464_782_400_000
KINDS = ("pv", "battery", "load")


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
        self._first = copy.deepcopy(self.topology)
        self.logs: dict[int, list[Message]] = {partition: [] for partition in range(self.partitions)}
        self._send()
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
            nodes[name] = {"level": "feeder", "hierarchy": "grid", "parents": [_edge_to("top", 0)]}
        nodes["deep"] = {"level": "street", "hierarchy": "grid", "parents": [_edge_to("f3", 0)]}
        nodes["g1"] = {"level": "group", "hierarchy": "group", "parents": []}
        nodes["g2"] = {"level": "group", "hierarchy": "group", "parents": []}
        sites = {}
        for number in range(chance.randint(2, 5)):
            parents = [_edge_to(chance.choice(("f1", "f2", "f3", "deep", "top")), 0)]
            parents += [_edge_to(group, 0) for group in ("g1", "g2") if chance.random() < 0.5]
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
        chance, rules = self.chance, self.rules
        count = min(most, chance.choice((0, 0, 1, 2, 4)))
        known = sorted(chance.randrange(BASE_MS, self.end_ms) for _ in range(count))
        redescribed_ms = self._redescribed_ms() if most else None
        changes = []
        for known_ms in known:
            if redescribed_ms is not None and redescribed_ms < known_ms:
                changes.append(Change(redescribed_ms, self._redescribe()))
                redescribed_ms = None
            effect_ms = known_ms + chance.randrange(-rules["horizon"] // 2, 3 * rules["window"])
            changes.append(Change(known_ms, self._edit(effect_ms, known_ms - rules["horizon"] // 2)))
        if redescribed_ms is not None:
            changes.append(Change(redescribed_ms, self._redescribe()))
        return changes

    def _redescribed_ms(self) -> int | None:
        """Choose when a device turns out to have been of another kind: while every window is still kept, or never."""
        last_ms = min(self.end_ms, BASE_MS + self.rules["horizon"] // 2 - self.rules["window"])
        if self.other.random() < 0.7 or last_ms <= BASE_MS:
            return None
        return self.other.randrange(BASE_MS, last_ms)

    def _redescribe(self) -> TopologyRecord:
        """Exchange two kinds that do the same, so that nothing but totals by kind changes, from the first window on."""
        name = self.other.choice(sorted(self.topology["sites"]))
        site = self.topology["sites"][name]
        for device in site["devices"].values():
            device["kind"] = {"pv": "load", "load": "pv"}.get(device["kind"], device["kind"])
        return "site", name, site_record(site)

    def _edit(self, effect_ms: int, earliest_ms: int) -> TopologyRecord:
        chance = self.chance
        if chance.random() < 0.25:
            name = chance.choice(("f1", "f2", "f3", "deep"))
            node = self.topology["nodes"][name]
            _move(node["parents"], chance.choice(("top", "top2") if name != "deep" else ("f2", "f3")), effect_ms)
            return "node", name, node_record(node)
        name = chance.choice(sorted(self.topology["sites"]))
        site = self.topology["sites"][name]
        if chance.random() < 0.25:
            device = chance.choice(sorted(site["devices"].values(), key=str))
            if device is _keeper(site):
                pass
            elif device["to"] is None:
                device["to"] = max(effect_ms, device["from"] + 1)
            elif device["to"] > earliest_ms:
                device["to"] = None
        elif chance.random() < 0.4:
            _join_or_leave(site["parents"], chance.choice(("g1", "g2")), effect_ms)
        else:
            _move(site["parents"], chance.choice(("f1", "f2", "f3", "deep", "top")), effect_ms)
        return "site", name, site_record(site)

    def _send(self) -> None:
        chance, rules = self.chance, self.rules
        now = BASE_MS + chance.randrange(rules["window"])
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
                    waiting.append((now, site.encode(), self._value(record, now)))
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

    def _value(self, record: dict, now: int) -> bytes:
        chance, rules = self.chance, self.rules
        device = chance.choice(sorted(record["devices"]))
        spec = record["devices"][device]
        late = (2_000, 2_000, 40_000, rules["window"], rules["horizon"] // 2, rules["horizon"] + 5_000)
        age = chance.choice((0, 0, 0, 300, *late, -2_000, -rules["future"] - 1))
        if chance.random() < 0.6:
            age = chance.choice((0, 300, 900))
        at = (now - age) // 100 * 100
        one = {"device": device, "measured_at_ms": at, "active_power_w": chance.randint(-spec["rated"], spec["rated"])}
        if spec["capacity"] is not None and chance.random() < 0.7:
            one["state_of_charge_wh"] = chance.randrange(spec["capacity"] + 1)
        roll = chance.random()
        if roll < 0.06:
            other = {**one, "measured_at_ms": at - 1_000, "device": chance.choice(sorted(record["devices"]))}
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


def _keeper(site: dict) -> dict | None:
    """The device by which silence is judged stays: when a change is known is not the same for every worker."""
    devices = sorted(site["devices"].items())
    return min(devices, key=lambda one: one[1]["interval"])[1] if len(devices) > 1 else None


def _edge_to(node: str, from_ms: int) -> dict:
    return {"node": node, "from": from_ms, "to": None}


def _move(parents: list[dict], node: str, effect_ms: int) -> None:
    """End what is open in a hierarchy other than the groups, and begin anew; never a second parent at one time."""
    mine = [edge for edge in parents if not edge["node"].startswith("g")]
    effect_ms = max([effect_ms, *(edge["from"] + 1 for edge in mine)])
    for edge in mine:
        edge["to"] = effect_ms if edge["to"] is None else edge["to"]
    parents.append(_edge_to(node, effect_ms))


def _join_or_leave(parents: list[dict], group: str, effect_ms: int) -> None:
    held = [edge for edge in parents if edge["node"] == group and edge["to"] is None]
    if held:
        held[0]["to"] = max(effect_ms, held[0]["from"] + 1)
    else:
        parents.append(_edge_to(group, max([effect_ms, *(e["to"] for e in parents if e["node"] == group)])))


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
