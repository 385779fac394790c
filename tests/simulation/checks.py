"""What was published at the end against the oracle: every difference, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from msgspec.json import decode

from tests.simulation import oracle
from tests.simulation.cluster import Cluster

WINDOW_FIELDS = (
    "readings", "sum_w", "mean_power_w", "energy_import_j", "energy_export_j", "devices_expected",
    "devices_reporting", "covered_device_s", "expected_device_s",
)  # fmt: skip
LIVE_FIELDS = (
    "active_power_w", "import_w", "export_w", "stale_power_w", "devices_fresh", "devices_stale", "devices_never",
    "rated_power_w", "stale_rated_power_w",
)  # fmt: skip
STATES = ("online", "delayed", "recovering", "offline", "never_seen")
STORAGE = ("state_of_charge_wh", "usable_capacity_wh", "charge_power_available_w", "discharge_power_available_w")


def differences(cluster: Cluster, twins: list[Any]) -> list[str]:
    """Compare everything; *twins* are the machines as they ended."""
    world = cluster.world
    truths = [
        oracle.PartitionTruth(
            world.rules,
            world.topology,
            world.sites_of(partition),
            lambda key, p=partition: world.partition_of(key) == p,
        ).fold(log)
        for partition, log in world.logs.items()
    ]
    newest = newest_by_key(cluster.published["level"])
    found = [*_windows(world, truths, newest), *_live(world, truths, newest)]
    found += _sites(world, truths, newest_by_key(cluster.published["site"]))
    found += _history(cluster.published["level"])
    found += _twins(truths, newest_by_key(cluster.published["twin"]))
    found += _transitions(truths, cluster.published["transition"])
    for truth, machine in zip(truths, twins, strict=True):
        found += _conservation(truth, machine)
    found += _rejections(truths, cluster.published["rejected"])
    return found


def newest_by_key(records: list[tuple[bytes, bytes]]) -> dict[bytes, dict[str, Any]]:
    """Read a topic as a consumer should: of each key the newest revision, whatever came last."""
    newest: dict[bytes, dict[str, Any]] = {}
    for key, value in records:
        one = decode(value)
        if key not in newest or one["revision"] >= newest[key]["revision"]:
            newest[key] = one
    return newest


def _windows(world: Any, truths: list[Any], newest: dict[bytes, dict[str, Any]]) -> Iterator[str]:
    final_ms = min(truth.closed for truth in truths)
    starts = {one.at // world.rules["window"] * world.rules["window"] for t in truths for one in t.accepted.values()}
    for start in sorted(starts.union(*(truth.spoken for truth in truths))):
        wanted, _ = oracle.window_truth(truths, world.topology, world.rules, start)
        for node in world.topology["nodes"]:
            want, seen = wanted.get(node, oracle._empty()), newest.get(b"%s|%d" % (node.encode(), start))
            where = f"{node} {start}"
            if seen is None:
                if any(any(numbers) for numbers in want["kinds"].values()):
                    yield f"{where}: nothing published, wanted {want}"
                continue
            yield from _window(where, want, seen)
            if (seen["status"] == "provisional") != (start >= final_ms):
                yield f"{where}: {seen['status']}, but windows are final through {final_ms}"
            waiting = [number for number, truth in enumerate(truths) if truth.closed <= start]
            if start >= final_ms and seen["waiting_for"] != waiting:
                yield f"{where}: waits for {seen['waiting_for']}, wanted {waiting}"


def _window(where: str, want: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    kinds = {kind: [one[field] for field in WINDOW_FIELDS] for kind, one in seen["kinds"].items()}
    total = kinds.pop("all")
    kinds = {kind: numbers for kind, numbers in kinds.items() if any(numbers)}
    yield from _same(where, "kinds", want["kinds"], kinds)
    yield from _same(
        where, "all", [sum(column) for column in zip(*want["kinds"].values(), strict=True)] or [0] * 9, total
    )
    yield from _same(where, "sites", want["sites"], [seen["sites"]["expected"], seen["sites"]["reporting"]])
    rated = [seen["rated_power_w"]["expected"], seen["rated_power_w"]["reporting"]]
    yield from _same(where, "rated", want["rated"], rated)
    span = [want["oldest"], want["newest"]]
    yield from _same(where, "span", span, [seen["oldest_measured_at_ms"], seen["newest_measured_at_ms"]])


def _live(world: Any, truths: list[Any], newest: dict[bytes, dict[str, Any]]) -> Iterator[str]:
    wanted = oracle.live_truth(truths, world.topology, world.rules)
    for node in world.topology["nodes"]:
        kinds, states, storage = wanted.get(node, ({}, [0] * 5, [0] * 4))
        seen = newest.get(f"{node}|live".encode())
        if seen is None:
            if kinds:
                yield f"{node} live: nothing published, wanted {kinds}"
            continue
        got = {kind: [one[field] for field in LIVE_FIELDS] for kind, one in seen["kinds"].items() if kind != "all"}
        yield from _same(node, "live kinds", {k: v for k, v in kinds.items() if any(v)}, got)
        yield from _same(node, "live states", states, [seen["sites"][one] for one in STATES])
        yield from _same(node, "live storage", storage, [seen["storage"][one] for one in STORAGE])


def _sites(world: Any, truths: list[Any], newest: dict[bytes, dict[str, Any]]) -> Iterator[str]:
    """A closed window of a site is published when something was measured in it, its kinds as of its start."""
    for truth in truths:
        starts = {one.at // world.rules["window"] * world.rules["window"] for one in truth.accepted.values()}
        for start in sorted(start for start in starts if start < truth.closed):
            _, sites = oracle.window_truth([truth], world.topology, world.rules, start)
            for site, want in sites.items():
                seen = newest.get(f"{site}|{start}".encode())
                if seen is None:
                    yield f"site {site} {start}: nothing published"
                    continue
                for kind, numbers in want["kinds"].items():
                    got = [seen["kinds"].get(kind, {}).get(field, 0) for field in WINDOW_FIELDS[:5]]
                    yield from _same(f"site {site} {start}", kind, numbers[:5], got)
                yield from _same(f"site {site} {start}", "soc", want["soc"], seen["state_of_charge_wh"])


def _history(records: list[tuple[bytes, bytes]]) -> Iterator[str]:
    """In the order of a reader: one revision is one content, and what was final changes as `corrected` only."""
    contents: dict[tuple[bytes, int], object] = {}
    held: dict[bytes, dict[str, Any]] = {}
    for key, value in records:
        one = decode(value)
        content = [one["kinds"], one["sites"]]
        if contents.setdefault((key, one["revision"]), content) != content:
            yield f"{key!r}: revision {one['revision']} has two contents"
        before = held.get(key)
        if before is not None and one["revision"] < before["revision"]:
            continue
        if before is not None and "status" in one and before["status"] != "provisional":
            if one["status"] == "provisional":
                yield f"{key!r}: {before['status']} became provisional at revision {one['revision']}"
            if one["kinds"] != before["kinds"] and one["status"] != "corrected":
                yield f"{key!r}: changed after it was {before['status']}, as {one['status']}"
        held[key] = one


def _twins(truths: list[Any], newest: dict[bytes, dict[str, Any]]) -> Iterator[str]:
    for truth in truths:
        for site in truth.sites:
            heard = {device: held[0] for (name, device), held in truth.latest.items() if name == site}
            seen = newest.get(site.encode())
            if seen is None:
                if heard:
                    yield f"twin {site}: nothing published"
                continue
            yield from _same(f"twin {site}", "state", STATES[truth.state[site]], seen["connectivity"])
            yield from _same(f"twin {site}", "skew", truth.clock_skew(site), seen["clock_skew_s"])
            got = {d["device"]: (d["measured_at_ms"], d["active_power_w"]) for d in seen["devices"] if d["heard_at_ms"]}
            yield from _same(f"twin {site}", "latest", {d: (one.at, one.power) for d, one in heard.items()}, got)


def _transitions(truths: list[Any], records: list[tuple[bytes, bytes]]) -> Iterator[str]:
    told: defaultdict[bytes, dict[int, bytes]] = defaultdict(dict)
    for key, value in records:
        number = decode(value)["sequence"]
        if told[key].setdefault(number, value) != value:
            yield f"transition {number} of {key!r} was told in two ways: {told[key][number]!r}, {value!r}"
    for site, numbers in told.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"transitions of {site!r} are numbered {sorted(numbers)}"
    for truth in truths:
        for site in truth.sites:
            steps = [decode(value) for _, value in sorted(told[site.encode()].items())]
            state = [one["after"] for one in steps if one["machine"] == "connectivity"][-1:] or ["never_seen"]
            yield from _same(f"transitions of {site}", "state", STATES[truth.state[site]], state[0])


def _conservation(truth: Any, machine: Any) -> Iterator[str]:
    state = machine.state
    sites = state.sites.values()
    counts = {name: sum(getattr(site, name) for site in sites) for name in ("applied", "duplicate", "conflicting")}
    want = {name: truth.counts[name] for name in counts}
    yield from _same(f"partition {state.partition}", "counts", want, counts)
    yield from _same(f"partition {state.partition}", "rejected", dict(truth.rejected), dict(state.rejected))
    yield from _same(f"partition {state.partition}", "ticks", truth.counts["ticks"], state.ticks)


def _rejections(truths: list[Any], records: list[tuple[bytes, Any]]) -> Iterator[str]:
    """Each refused record is kept at least once, and again only for the same reason."""
    reasons: dict[bytes, Any] = {}
    for key, reason in records:
        if reasons.setdefault(key, reason) != reason:
            yield f"rejected {key!r} as {reasons[key]} and as {reason}"
    wanted = Counter[str]()
    for truth in truths:
        wanted += truth.refused
    yield from _same("rejected", "records", sum(wanted.values()), len(reasons))


def _same(where: str, what: str, wanted: Any, seen: Any) -> Iterator[str]:
    if wanted != seen:
        yield f"{where}: {what} {seen}, wanted {wanted}"
