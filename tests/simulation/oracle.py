"""What must come out, from the raw logs alone: plain dicts, fractions and loops; imports nothing of the product."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction

ONLINE, DELAYED, RECOVERING, OFFLINE, NEVER = range(5)


class Reading:
    def __init__(self, site, device, at, power, soc, ts):
        self.site, self.device, self.at, self.power, self.soc, self.ts = site, device, at, power, soc, ts


class PartitionTruth:
    """Folds one partition's log one record at a time, the slow way."""

    def __init__(self, rules, topology, sites, is_home):
        self.rules, self.topology, self.sites, self.is_home = rules, topology, sites, is_home
        self.stream = self.skew = None
        self.accepted = {}
        self.latest = {}
        self.clocks = {}
        """By site and device, of those that are off time: skew or None, measured and record time to compare with."""
        self.counts = Counter()
        self.rejected = Counter()
        self.refused = Counter()
        self.heard = dict.fromkeys(sites)
        self.state = dict.fromkeys(sites, NEVER)
        self.row = Counter()
        self.first = self.closed = None
        self.spoken = set()
        """Windows of which every node hears, whether anything was measured in them or not."""

    def speaks_of(self, start):
        """Whether its share of a window is said: it was read through, or something was measured in it."""
        window = self.rules["window"]
        return start in self.spoken or any(start <= one.at < start + window for one in self.accepted.values())

    def fold(self, log):
        for record in log:
            self._advance(record.timestamp)
            if record.key == b"" and record.value == b"":
                self.counts["ticks"] += 1
            else:
                before = self.rejected.total()
                self._record(record)
                self.refused[record.offset] += self.rejected.total() > before
        return self

    def _advance(self, ts):
        if self.stream is None:
            self.stream, self.skew = ts, 0
            self.first = self.closed = (ts - self.rules["grace"]) // self.rules["window"] * self.rules["window"]
        elif ts > self.stream:
            step = ts - self.stream
            if step > self.rules["gap"]:
                self.skew += step - self.rules["tick"]
            self.stream = ts
            window = self.rules["window"]
            due = (ts - self.rules["grace"]) // window * window
            oldest = (due - self.rules["horizon"]) // window * window
            self.spoken.update(range(max(self.closed, oldest), due, window))
            self.closed = max(self.closed, due)
        self._silence()

    def _silence(self):
        attended = self.stream - self.skew
        for site in self.sites:
            while True:
                silent = None if self.heard[site] is None else attended - self.heard[site]
                delayed, offline = (n * self._shortest(site) for n in (self.rules["delayed"], self.rules["offline"]))
                if self.state[site] == ONLINE and silent >= delayed:
                    self.state[site] = DELAYED
                elif silent is not None and silent >= {DELAYED: offline, RECOVERING: delayed}.get(
                    self.state[site], 1e18
                ):
                    self.state[site], self.row[site] = OFFLINE, 0
                else:
                    break

    def _shortest(self, site):
        return min(d["interval"] for d in self.topology["sites"][site]["devices"].values()) * 1000

    def _record(self, record):
        try:
            document = json.loads(record.value)
            items = document if isinstance(document, list) else [document]
        except ValueError:
            self.rejected["malformed"] += 1
            return
        site = record.key.decode(errors="replace")
        if site not in self.sites:
            unknown = "unknown_site" if self.is_home(record.key) else "wrong_partition"
            powers = [one.get("active_power_w") for one in items]
            self.rejected[unknown if any(isinstance(power, int) for power in powers) else "wrong_type"] += len(items)
            return
        unusable = []
        accepted = [self._reading(site, one, record, unusable) for one in items]
        for one in [one for one in accepted if one is not None] + unusable:
            self._see_clock(one)
        times = [one.at for one in accepted if one is not None]
        if times and record.timestamp - max(times) <= self.rules["delayed"] * self._shortest(site):
            self._hear(site, record.timestamp - self.skew)

    def _see_clock(self, one):
        where, late = (one.site, one.device), one.ts - one.at
        held = self.clocks.get(where)
        if -5_000 <= late <= self.rules["delayed"] * self._shortest(one.site):
            self.clocks.pop(where, None)
        elif late < 0:
            self.clocks[where] = (-late, one.at, one.ts)
        elif held is None or held[1] > held[2]:
            self.clocks[where] = (None, one.at, one.ts)
        elif one.at - held[1] >= 2_000 * self.topology["sites"][one.site]["devices"][one.device]["interval"]:
            is_steady = 4 * abs((one.ts - held[2]) - (one.at - held[1])) <= one.at - held[1]
            self.clocks[where] = (-late if is_steady else None, one.at, one.ts)

    def clock_skew(self, site):
        """The skew of a site's device whose clock is furthest off, None if nothing is known."""
        known = []
        for device in self.topology["sites"][site]["devices"]:
            if (site, device) in self.clocks:
                known += [self.clocks[site, device][0]]
            elif (site, device) in self.latest:
                known += [0]
        known = [round(Fraction(one, 1000)) for one in known if one is not None]
        return max(known, key=lambda one: (abs(one), one), default=None)

    def _reading(self, site, one, record, unusable):
        rules, at, power = self.rules, one.get("measured_at_ms"), one.get("active_power_w")
        if isinstance(power, (bool, str)) or power is None:
            self.rejected["wrong_type"] += 1
            return None
        device = self.topology["sites"][site]["devices"].get(one["device"])
        start = at // rules["window"] * rules["window"]
        if device is None:
            self.rejected["unknown_device"] += 1
        elif abs(power) > 3 * device["rated"] > 0:
            self.rejected["out_of_range"] += 1
        elif at - record.timestamp > rules["future"]:
            self.rejected["future"] += 1
            unusable.append(Reading(site, one["device"], at, power, None, record.timestamp))
        elif record.timestamp - at > rules["horizon"] or start + rules["window"] + rules["horizon"] <= self.stream:
            self.rejected["too_late"] += 1
            unusable.append(Reading(site, one["device"], at, power, None, record.timestamp))
        else:
            reading = Reading(site, one["device"], at, power, one.get("state_of_charge_wh"), record.timestamp)
            self._accept(reading)
            return reading
        return None

    def _accept(self, new):
        identity = (new.site, new.device, new.at // 1000)
        held = self.latest.get((new.site, new.device))
        if identity in self.accepted:
            same = held is not None and held[0].at // 1000 == new.at // 1000
            self.counts["conflicting" if same and held[0].power != new.power else "duplicate"] += 1
        else:
            self.counts["applied"] += 1
            self.accepted[identity] = new
            rank = min(new.at, new.ts)
            if held is None or rank >= held[1]:
                soc = new.soc if new.soc is not None else (held[3] if held else None)
                self.latest[new.site, new.device] = (new, rank, rank - self.skew, soc)

    def _hear(self, site, heard):
        before = self.heard[site]
        self.heard[site] = heard if before is None else max(heard, before)
        if self.state[site] == ONLINE:
            return
        is_in_a_row = before is not None and heard - before < self.rules["delayed"] * self._shortest(site)
        self.row[site] = self.row[site] + 1 if is_in_a_row else 1
        if self.state[site] == NEVER or self.row[site] >= self.rules["recover"]:
            self.state[site], self.row[site] = ONLINE, 0
        elif self.state[site] != DELAYED:
            self.state[site] = RECOVERING


def valid(interval, at):
    return interval["from"] <= at and (interval["to"] is None or at < interval["to"])


def above(topology, site, at):
    """Every node above a site at an instant: brute force, one edge at a time."""
    nodes, found = topology["nodes"], set()
    taken = set()
    waiting = []
    for edge in sorted(topology["sites"][site]["parents"], key=lambda e: (e["from"], e["node"])):
        if edge["node"] in nodes and valid(edge, at):
            hierarchy = nodes[edge["node"]]["hierarchy"]
            if hierarchy == "group" or hierarchy not in taken:
                taken.add(hierarchy)
                waiting.append(edge["node"])
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        for edge in sorted(nodes[node]["parents"], key=lambda e: (e["from"], e["node"])):
            if edge["node"] in nodes and valid(edge, at):
                waiting.append(edge["node"])
                break
    return found


def device_numbers(readings, interval, window):
    powers = [one.power for one in readings]
    longest = max(window, interval)
    each = Fraction(interval) if len(powers) * interval <= longest else Fraction(longest, len(powers))
    return (
        len(powers),
        sum(powers),
        round(Fraction(sum(powers), len(powers))),
        round(sum(p for p in powers if p > 0) * each),
        round(sum(-p for p in powers if p < 0) * each),
        min(int(len(powers) * each), window),
    )


def is_due(device, start, window_ms):
    interval = device["interval"] * 1000
    if interval <= window_ms:
        return True
    return any(at % interval == 0 for at in range(start, start + window_ms, 1000))


def window_truth(partitions, topology, rules, start):
    """Return {node: {...}} and {site: {...}} of one window."""
    nodes, sites = {}, {}
    window = rules["window"] // 1000
    for truth in (one for one in partitions if one.speaks_of(start)):
        heard = {}
        for one in truth.accepted.values():
            if start <= one.at < start + rules["window"]:
                heard.setdefault((one.site, one.device), []).append(one)
        for site in truth.sites:
            share = _site_share(topology["sites"][site], site, heard, start, window, rules)
            for node in above(topology, site, start):
                _add(nodes.setdefault(node, _empty()), share)
            if share["heard"]:
                sites[site] = share
    return nodes, sites


def _empty():
    return {"kinds": {}, "sites": [0, 0], "rated": [0, 0], "oldest": None, "newest": None, "soc": {}, "heard": 0}


def _site_share(record, site, heard, start, window, rules):
    share = _empty()
    for name, device in record["devices"].items():
        readings = sorted(heard.get((site, name), []), key=lambda one: one.at)
        expected = bool(readings) or (valid(device, start) and is_due(device, start, rules["window"]))
        if not expected:
            continue
        numbers = [0] * 9
        numbers[5], numbers[8] = 1, window
        share["rated"][0] += device["rated"]
        if readings:
            n, total, mean, imported, exported, covered = device_numbers(readings, device["interval"], window)
            numbers = [n, total, mean, imported, exported, 1, 1, covered, window]
            share["rated"][1] += device["rated"]
            share["heard"] += 1
            _span(share, readings[0].at, readings[-1].at)
            socs = [one.soc for one in readings if one.soc is not None]
            if socs:
                share["soc"][name] = socs[-1]
        held = share["kinds"].setdefault(device["kind"], [0] * 9)
        held[:] = [a + b for a, b in zip(held, numbers, strict=True)]
    share["sites"] = [int(bool(share["kinds"])), int(bool(share["heard"]))]
    return share


def _span(share, oldest, newest):
    share["oldest"] = oldest if share["oldest"] is None else min(oldest, share["oldest"])
    share["newest"] = newest if share["newest"] is None else max(newest, share["newest"])


def _add(total, share):
    for kind, numbers in share["kinds"].items():
        held = total["kinds"].setdefault(kind, [0] * 9)
        held[:] = [a + b for a, b in zip(held, numbers, strict=True)]
    for name in ("sites", "rated"):
        total[name] = [a + b for a, b in zip(total[name], share[name], strict=True)]
    if share["oldest"] is not None:
        _span(total, share["oldest"], share["newest"])
    total["heard"] += share["heard"]


def live_truth(partitions, topology, rules):
    """Return {node: (kinds, site states, storage)} at the end of the logs."""
    nodes = {}
    for truth in partitions:
        attended = truth.stream - truth.skew
        for site in truth.sites:
            share = _live_share(truth, topology["sites"][site], site, attended, rules)
            for node in above(topology, site, truth.stream):
                kinds, states, storage = nodes.setdefault(node, ({}, [0] * 5, [0] * 4))
                for kind, numbers in share[0].items():
                    held = kinds.setdefault(kind, [0] * 9)
                    held[:] = [a + b for a, b in zip(held, numbers, strict=True)]
                if share[0]:
                    states[truth.state[site]] += 1
                storage[:] = [a + b for a, b in zip(storage, share[1], strict=True)]
    return nodes


def _live_share(truth, record, site, attended, rules):
    kinds, storage = {}, [0] * 4
    for name, device in record["devices"].items():
        if not valid(device, truth.stream):
            continue
        numbers = kinds.setdefault(device["kind"], [0] * 9)
        numbers[7] += device["rated"]
        held = truth.latest.get((site, name))
        if held is None:
            numbers[6] += 1
            continue
        power = held[0].power
        if attended - held[2] < rules["fresh"] * device["interval"] * 1000:
            for i, value in enumerate((power, max(power, 0), max(-power, 0))):
                numbers[i] += value
            numbers[4] += 1
            if device["capacity"] is not None and held[3] is not None:
                storage[0] += held[3]
                storage[1] += device["capacity"]
                storage[2] += device["rated"] if held[3] < device["capacity"] else 0
                storage[3] += device["rated"] if held[3] > 0 else 0
        else:
            numbers[3] += power
            numbers[5] += 1
            numbers[8] += device["rated"]
    return kinds, storage
