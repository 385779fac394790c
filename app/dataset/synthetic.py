"""Any number of sites with values that vary, and their truth by arithmetic that shares nothing with the core."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import msgspec

from app.dataset.format import DatasetWriter, Member, Meta, SocTruthRow, TruthRow
from app.domain.contracts import DeviceRecord, Edge

LEVELS = ("feeder", "substation", "region", "grid")
KINDS = ("meter", "pv", "battery", "ev_charger", "heat_pump", "load")
STORAGE = ("battery", "ev_charger")
WORDS = ("Straße", "日本|橋", 'quo"te', "a b", "ключ", "🔋", "x,y", "é;è", "back\\slash", "ไทย")
LATENCY_MS = (200, 2_000)

_encode = msgspec.json.Encoder().encode


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What to make; the options of `gridtwin dataset synthetic`."""

    sites: int = 1000
    depth: int = 4
    fanout: int = 25
    devices_per_site: int = 1
    intervals_s: tuple[int, ...] = (15,)
    window_s: int = 60
    start_ms: int = 1_764_000_000_000
    end_ms: int = 1_764_000_900_000
    groups: int = 0
    gap_share: float = 0.0
    join_share: float = 0.0
    leave_share: float = 0.0
    is_unicode: bool = False
    seed: int = 1

    @classmethod
    def of(cls, *, interval_s: str, duration_s: int, start_ms: int, local_day: str | None, timezone: str,
           **shape: Any) -> Self:  # fmt: skip
        """Return the shape that the options describe."""
        end_ms = start_ms + duration_s * 1000
        if local_day:
            midnight = datetime.fromisoformat(local_day).replace(tzinfo=ZoneInfo(timezone))
            start_ms, end_ms = _ms(midnight), _ms(midnight + timedelta(days=1))
        return cls(intervals_s=tuple(map(int, interval_s.split(","))), start_ms=start_ms, end_ms=end_ms, **shape)


class Unit(NamedTuple):
    """A device and when it reports."""

    name: str
    kind: str
    interval_s: int
    phase_ms: int
    rated_w: int
    capacity_wh: int | None


class Home(NamedTuple):
    """A site: its devices, the nodes above it, and when it belongs to them."""

    name: str
    units: tuple[Unit, ...]
    parents: tuple[str, ...]
    above: tuple[str, ...]
    from_ms: int
    to_ms: int | None


class Reading(NamedTuple):
    arrived_ms: int
    home: Home
    unit: Unit
    at_ms: int
    power_w: int
    soc_wh: int | None


def generate(directory: Path, shape: Shape) -> Meta:
    """Write a dataset and return its description."""
    chance = random.Random(shape.seed)
    nodes, homes = _world(shape, chance)
    writer = DatasetWriter(directory)
    writer.topology(_members(nodes, homes))
    truth: list[TruthRow] = []
    soc_truth: list[SocTruthRow] = []
    readings = writer.telemetry(_telemetry(shape, homes, chance, truth, soc_truth))
    meta = Meta(
        name=f"synthetic-{shape.sites}-{shape.window_s}-{shape.seed}",
        window_s=shape.window_s,
        start_ms=shape.start_ms,
        end_ms=shape.end_ms,
        tick_s=max(1, min(60, shape.window_s // 4)),
        levels=tuple(sorted({level for level, _, _ in nodes.values()})),
        sites=len(homes),
        devices=sum(len(home.units) for home in homes),
        readings=readings,
        truth_rows=writer.truth(truth),
        soc_truth_rows=writer.soc_truth(soc_truth),
        seed=shape.seed,
    )
    writer.finish(meta)
    return meta


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _world(shape: Shape, chance: random.Random) -> tuple[dict[str, tuple[str, str, tuple[str, ...]]], list[Home]]:
    nodes: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    groups = [_name(shape, "group", number) for number in range(shape.groups)]
    nodes.update(dict.fromkeys(groups, ("group", "group", ())))
    homes = []
    for number in range(shape.sites):
        chain = _chain(shape, number, nodes)
        mine = tuple(group for group in groups if chance.random() < 0.5)
        homes.append(_home(shape, number, chain, mine, chance))
    return nodes, homes


def _chain(shape: Shape, number: int, nodes: dict[str, tuple[str, str, tuple[str, ...]]]) -> list[str]:
    """Return the nodes above a site, from the lowest; levels beyond the four named ones are numbered."""
    chain = []
    for depth in range(shape.depth):
        level = LEVELS[depth] if depth < len(LEVELS) else f"level_{depth + 1}"
        chain.append((level, _name(shape, level, number // shape.fanout ** (depth + 1))))
    for (level, name), above in zip(chain, [*chain[1:], None], strict=True):
        nodes.setdefault(name, (level, "grid", (above[1],) if above else ()))
    return [name for _, name in chain]


def _home(shape: Shape, number: int, chain: list[str], groups: tuple[str, ...], chance: random.Random) -> Home:
    from_ms = chance.randrange(shape.start_ms, shape.end_ms) if chance.random() < shape.join_share else 0
    to_ms = chance.randrange(shape.start_ms, shape.end_ms) if chance.random() < shape.leave_share else None
    if to_ms is not None and to_ms <= from_ms:
        to_ms = None
    return Home(
        _name(shape, "site", number),
        tuple(_unit(shape, number, one, chance) for one in range(shape.devices_per_site)),
        (*chain[:1], *groups),
        (*chain, *groups),
        from_ms,
        to_ms,
    )


def _unit(shape: Shape, site: int, number: int, chance: random.Random) -> Unit:
    kind = KINDS[(site + number) % len(KINDS)] if shape.devices_per_site > 1 else KINDS[0]
    interval_s = chance.choice(shape.intervals_s)
    capacity = chance.randrange(5_000, 20_000) if kind in STORAGE else None
    return Unit(f"{_name(shape, 'device', site)}/{number}", kind, interval_s, chance.randrange(interval_s * 1000),
                chance.randrange(2_000, 12_000), capacity)  # fmt: skip


def _name(shape: Shape, word: str, number: int) -> str:
    return f"{word}-{number:06d}" + (f" {WORDS[number % len(WORDS)]}" if shape.is_unicode else "")


def _members(nodes: dict[str, tuple[str, str, tuple[str, ...]]], homes: list[Home]) -> Iterator[Member]:
    for name, (level, hierarchy, parents) in nodes.items():
        yield Member(type="node", id=name, level=level, hierarchy=hierarchy, parents=tuple(map(Edge, parents)))
    for home in homes:
        edges = tuple(Edge(parent, home.from_ms, home.to_ms) for parent in home.parents)  # type: ignore[arg-type]
        yield Member(
            type="site", id=home.name, parents=edges, devices=tuple(_record(home, unit) for unit in home.units)
        )


def _record(home: Home, unit: Unit) -> DeviceRecord:
    numbers: Any = (unit.rated_w, unit.interval_s, unit.capacity_wh, home.from_ms, home.to_ms)
    return DeviceRecord(unit.name, unit.kind, *numbers)


def _telemetry(shape: Shape, homes: list[Home], chance: random.Random, truth: list[TruthRow],
               soc_truth: list[SocTruthRow]) -> Iterator[bytes]:  # fmt: skip
    """Yield readings as they arrive, a window at a time; the truth of each window is added as it is made."""
    window_ms = shape.window_s * 1000
    late: list[Reading] = []
    for start_ms in range(shape.start_ms // window_ms * window_ms, shape.end_ms, window_ms):
        made = list(_readings(shape, homes, start_ms, chance))
        _add_truth(shape, homes, start_ms, made, truth, soc_truth)
        arriving = sorted([*late, *made], key=lambda one: one.arrived_ms)
        late = [one for one in arriving if one.arrived_ms >= start_ms + window_ms]
        yield from (_line(one) for one in arriving if one.arrived_ms < start_ms + window_ms)
    yield from map(_line, late)


def _readings(shape: Shape, homes: list[Home], start_ms: int, chance: random.Random) -> Iterator[Reading]:
    for home in homes:
        low_ms = max(start_ms, shape.start_ms, home.from_ms)
        high_ms = min(start_ms + shape.window_s * 1000, shape.end_ms, home.to_ms or shape.end_ms)
        for unit in home.units:
            step_ms = unit.interval_s * 1000
            first_ms = low_ms + (unit.phase_ms - low_ms) % step_ms
            for at_ms in range(first_ms, high_ms, step_ms):
                if chance.random() >= shape.gap_share:
                    yield _reading(home, unit, at_ms, chance)


def _reading(home: Home, unit: Unit, at_ms: int, chance: random.Random) -> Reading:
    low = 0 if unit.kind in ("load", "heat_pump") else -unit.rated_w
    high = 0 if unit.kind == "pv" else unit.rated_w
    soc = chance.randrange(unit.capacity_wh + 1) if unit.capacity_wh is not None else None
    return Reading(at_ms + chance.randrange(*LATENCY_MS), home, unit, at_ms, chance.randint(low, high), soc)


def _line(one: Reading) -> bytes:
    value: dict[str, Any] = {"device": one.unit.name, "measured_at_ms": one.at_ms, "active_power_w": one.power_w}
    if one.soc_wh is not None:
        value["state_of_charge_wh"] = one.soc_wh
    return _encode({"site": one.home.name, "arrived_at_ms": one.arrived_ms, "value": value}) + b"\n"


def _add_truth(shape: Shape, homes: list[Home], start_ms: int, made: list[Reading], truth: list[TruthRow],
               soc_truth: list[SocTruthRow]) -> None:  # fmt: skip
    heard: dict[str, list[Reading]] = {}
    for one in made:
        heard.setdefault(one.unit.name, []).append(one)
    rows: dict[tuple[str, str], list[int]] = {}
    for home in homes:
        is_member = home.from_ms <= start_ms and (home.to_ms is None or start_ms < home.to_ms)
        spoke = any(unit.name in heard for unit in home.units)
        where = (home.above if is_member else ()) + ((home.name,) if spoke else ())
        for unit in home.units:
            share = _share(shape, unit, start_ms, heard.get(unit.name, []), is_member=is_member)
            for node in where if share[5] else ():
                for kind in ("all", unit.kind):
                    held = rows.setdefault((node, kind), [0] * 9)
                    held[:] = [a + b for a, b in zip(held, share, strict=True)]
            if unit.capacity_wh is not None and unit.name in heard:
                newest = max(heard[unit.name], key=lambda one: one.at_ms)
                soc_truth.append(SocTruthRow(start_ms, home.name, unit.name, newest.soc_wh or 0))
    truth += [TruthRow(start_ms, node, kind, *numbers) for (node, kind), numbers in rows.items()]


def _share(shape: Shape, unit: Unit, start_ms: int, heard: list[Reading], *, is_member: bool) -> list[int]:
    """Return what one device adds to a truth row, from `readings` on."""
    window_s, interval_s, count = shape.window_s, unit.interval_s, len(heard)
    due = any(at % (interval_s * 1000) == 0 for at in range(start_ms, start_ms + window_s * 1000, 1000))
    expected = bool(heard) or (is_member and (interval_s <= window_s or due))
    if not heard:
        return [0, 0, 0, 0, 0, int(expected), 0, 0, window_s * expected]
    powers = [one.power_w for one in heard]
    each_s = (
        Fraction(interval_s)
        if count * interval_s <= max(window_s, interval_s)
        else Fraction(max(window_s, interval_s), count)
    )
    imported = round(sum(power for power in powers if power > 0) * each_s)
    exported = round(-sum(power for power in powers if power < 0) * each_s)
    covered = min(int(count * each_s), window_s)
    return [count, sum(powers), round(Fraction(sum(powers), count)), imported, exported, 1, 1, covered, window_s]
