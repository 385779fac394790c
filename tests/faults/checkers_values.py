"""C1 to C3: the numbers, and where every record went."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults.case import ADDED, FIELDS, FINAL, Case, newest_twins, numbers
from tests.faults.evidence import Refused

Finding = Iterator[str]


def exact(case: Case) -> Finding:
    """C1: every window of every node and site, and every twin, is what the raw log says, bit for bit."""
    nodes = case.evidence.topology["nodes"]
    for (node, start), want in case.totals.nodes.items():
        if node in nodes and start < case.closed_ms:
            yield from _exact(case, f"{node} {start}", want["kinds"], case.nodes.get((node, start)))
    for (site, start), want in case.totals.sites.items():
        if start < case.closed_ms:
            yield from _exact_site(case, f"site {site} {start}", want, case.sites.get((site, start)))
    for (node, start), row in case.nodes.items():
        if (node, start) not in case.totals.nodes and numbers(row, ADDED):
            yield f"{node} {start}: {numbers(row)}, wanted nothing"
    yield from _exact_twins(case)


def _exact_twins(case: Case) -> Finding:
    """Every twin shows the latest reading of each of its devices."""
    seen = {twin["site"]: twin for twin in newest_twins(case.evidence.twins).values()}
    wanted: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for truth in case.truths.values():
        for (site, device), held in truth.latest.items():
            wanted[site][device] = held[0].at, held[0].power
    for site, latest in wanted.items():
        case.compared += len(latest)
        devices = seen[site]["devices"] if site in seen else ()
        shown = {one["device"]: (one["measured_at_ms"], one["active_power_w"]) for one in devices if one["heard_at_ms"]}
        if shown != latest:
            yield f"twin {site}: latest {shown}, wanted {latest}"


def _exact(case: Case, where: str, kinds: dict[str, list[int]], row: dict[str, Any] | None) -> Finding:
    kinds = {kind: values for kind, values in kinds.items() if any(values)}
    case.compared += len(kinds) + 1
    if row is None:
        yield from ([f"{where}: not published, wanted {kinds}"] if kinds else [])
        return
    seen = numbers(row)
    total = seen.pop("all", [0] * len(FIELDS))
    if seen != kinds:
        yield f"{where}: {seen}, wanted {kinds}"
    if total != [sum(column) for column in zip(*kinds.values(), strict=True)] and (kinds or any(total)):
        yield f"{where}: all {total} is not the sum of {kinds}"
    if row["status"] not in FINAL:
        yield f"{where}: still {row['status']}"
    if row["status"] == "corrected" and case.corrected is not None and row["window_start_ms"] not in case.corrected:
        yield f"{where}: final too early: corrected, though nothing came after its end"


def _exact_site(case: Case, where: str, want: dict[str, Any], row: dict[str, Any] | None) -> Finding:
    if row is None:
        yield f"{where}: not published"
        return
    for kind, values in want["kinds"].items():
        case.compared += 1
        seen = [row["kinds"].get(kind, {}).get(name, 0) for name in ADDED]
        if seen != values[: len(ADDED)]:
            yield f"{where}: {kind} {seen}, wanted {values[: len(ADDED)]}"
    if want["soc"] != row["state_of_charge_wh"]:
        yield f"{where}: charge {row['state_of_charge_wh']}, wanted {want['soc']}"


def parents_add_up(case: Case) -> Finding:
    """C2: what a node publishes is the sum of what its child nodes and its own sites publish."""
    below: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for table in ("nodes", "sites"):
        for name, member in case.evidence.topology[table].items():
            for edge in member["parents"]:
                below[edge["node"]].append((name, edge))
    for (node, start), row in case.nodes.items():
        if node in below and start < case.closed_ms:
            children = [name for name, edge in below[node] if _is_valid(edge, start)]
            yield from _adds_up(case, node, start, children, numbers(row, ADDED))


def _is_valid(edge: dict[str, Any], at: int) -> bool:
    return bool(edge["from"] <= at and (edge["to"] is None or at < edge["to"]))


def _adds_up(case: Case, node: str, start: int, children: list[str], seen: dict[str, list[int]]) -> Finding:
    total: dict[str, list[int]] = {}
    for child in children:
        row = case.nodes.get((child, start)) or case.sites.get((child, start))
        for kind, values in numbers(row, ADDED).items() if row else ():
            held = total.setdefault(kind, [0] * len(ADDED))
            held[:] = [a + b for a, b in zip(held, values, strict=True)]
    total = {kind: values for kind, values in total.items() if any(values)}
    if total != seen:
        yield f"{node} {start}: {seen}, its children {total}"


def conserved(case: Case) -> Finding:
    """C3: every record of telemetry is a tick, applied, repeated or refused, and as the raw log says."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for twin in newest_twins(case.evidence.twins).values():
        home = case.evidence.home(twin["site"].encode())
        counts[home].update({name: twin["readings"][name] for name in ("applied", "duplicate", "conflicting")})
    for partition, truth in case.truths.items():
        seen = counts[partition]
        for name in ("applied", "duplicate", "conflicting"):
            if seen[name] != truth.counts[name]:
                yield f"partition {partition}: {seen[name]} {name}, wanted {truth.counts[name]}"
    yield from _refused_as_predicted(case)


def _refused_as_predicted(case: Case) -> Finding:
    for partition, truth in case.truths.items():
        places = {offset for at, offset in case.evidence.refused if at == partition}
        wanted = {offset for offset, count in truth.refused.items() if count}
        if places != wanted:
            extra, lacking = sorted(places - wanted)[:3], sorted(wanted - places)[:3]
            yield f"partition {partition}: refused {extra} that are good, did not refuse {lacking}"
    for where, found in case.evidence.refused.items():
        yield from _told_once(case, where, found)


def _told_once(case: Case, where: tuple[int, int], found: list[Refused]) -> Finding:
    if len(set(found)) > 1:
        yield f"{where} was refused in {len(set(found))} ways: {found[:2]}"
    predicted = case.evidence.predicted.get(where)
    if predicted is not None and found[0].reason != predicted:
        yield f"{where} was refused as {found[0].reason}, predicted {predicted}"
