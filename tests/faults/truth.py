"""What must have been published, from the raw log: the simulator's oracle, with an index by window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from app.dataset.format import Member
from tests.simulation import oracle

Topology = dict[str, dict[str, Any]]
ENDLESS_SILENCE = 10**18


class LogTruth(oracle.PartitionTruth):
    """Folds one partition; records at `refused` offsets are known to be bad, and why."""

    def __init__(self, rules: dict[str, int], topology: Topology, sites: list[str], refused: dict[int, str]) -> None:
        super().__init__(rules, topology, sites, lambda _: True)
        self.refused_as = refused
        self.corrected: set[int] = set()
        """Windows for which a reading came after they were closed here."""

    def _silence(self) -> None:
        """Connectivity is the simulator's to check: at every record it costs more than all the rest."""

    def _hear(self, site: str, heard: int) -> None:
        pass

    def _record(self, record: Any) -> None:
        reason = self.refused_as.get(record.offset)
        if reason is None:
            super()._record(record)
        else:
            self.rejected[reason] += 1

    def _accept(self, new: Any) -> None:
        before, start = len(self.accepted), new.at // self.rules["window"] * self.rules["window"]
        super()._accept(new)
        if len(self.accepted) > before and start < self.closed:
            self.corrected.add(start)

    def by_window(self) -> dict[int, dict[tuple[str, str], list[Any]]]:
        """Return the accepted readings of each window by site and device."""
        found: dict[int, dict[tuple[str, str], list[Any]]] = defaultdict(lambda: defaultdict(list))
        window = self.rules["window"]
        for one in self.accepted.values():
            found[one.at // window * window][one.site, one.device].append(one)
        return found


class Totals:
    """What every node and site adds up to in every window, by kind."""

    def __init__(self, truths: Iterable[LogTruth], topology: Topology, rules: dict[str, int]) -> None:
        self.topology = topology
        self.rules = rules
        self.nodes: dict[tuple[str, int], dict[str, Any]] = {}
        self.sites: dict[tuple[str, int], dict[str, Any]] = {}
        self._above: dict[tuple[str, int], set[str]] = {}
        self._epochs = _epochs(topology)
        for truth in truths:
            heard = truth.by_window()
            for start in sorted(truth.spoken | heard.keys()):
                self._add(truth, start, heard.get(start, {}))

    def _add(self, truth: LogTruth, start: int, heard: dict[tuple[str, str], list[Any]]) -> None:
        for site in truth.sites:
            record = self.topology["sites"][site]
            share = oracle._site_share(record, site, heard, start, self.rules["window"] // 1000, self.rules)
            for node in self._nodes_above(site, start):
                oracle._add(self.nodes.setdefault((node, start), oracle._empty()), share)
            if share["heard"]:
                self.sites[site, start] = share

    def _nodes_above(self, site: str, at: int) -> set[str]:
        epoch = sum(moment <= at for moment in self._epochs)
        key = site, epoch
        if key not in self._above:
            self._above[key] = oracle.above(self.topology, site, at)
        return self._above[key]


def _epochs(topology: Topology) -> list[int]:
    """Return every moment at which somebody moves."""
    members = [*topology["nodes"].values(), *topology["sites"].values()]
    return sorted({at for member in members for edge in member["parents"] for at in (edge["from"], edge["to"]) if at})


def topology_of(members: Iterable[Member]) -> Topology:
    """Return a dataset's topology as the oracle reads it."""
    topology: Topology = {"nodes": {}, "sites": {}}
    for member in members:
        parents = [{"node": e.node, "from": e.valid_from_ms, "to": e.valid_to_ms} for e in member.parents]
        if member.type == "node":
            topology["nodes"][member.id] = {
                "level": member.level, "hierarchy": member.hierarchy, "parents": parents,
            }  # fmt: skip
        else:
            devices = {one.device: _device(one) for one in member.devices}
            topology["sites"][member.id] = {"parents": parents, "devices": devices}
    return topology


def _device(one: Any) -> dict[str, Any]:
    return {
        "kind": one.kind, "rated": one.rated_power_w, "interval": one.reporting_interval_s,
        "capacity": one.usable_capacity_wh, "from": one.valid_from_ms, "to": one.valid_to_ms,
    }  # fmt: skip


def rules_of(settings: Any) -> dict[str, int]:
    """Return the rules as the oracle reads them."""
    rules = settings.rules()
    return {
        "window": rules.window_ms, "grace": rules.grace_ms, "tick": rules.tick_ms, "future": rules.future_ms,
        "horizon": rules.horizon_ms, "gap": rules.attended_gap_ms, "delayed": rules.delayed_intervals,
        "offline": rules.offline_intervals, "recover": rules.recover_readings, "fresh": rules.fresh_intervals,
    }  # fmt: skip
