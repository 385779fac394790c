"""A world of chance: sites, their devices, the nodes above them, and what each device says in each window."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import prod
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import msgspec

LEVELS = ("feeder", "substation", "region", "grid")
KINDS = ("meter", "pv", "battery", "ev_charger", "heat_pump", "load")
STORAGE = ("battery", "ev_charger")
WORDS = ("Straße", "日本|橋", 'quo"te', "a b", "ключ", "🔋", "x,y", "é;è", "back\\slash", "ไทย", "שלום", "a/b", "|live")
SHARE_OF_STEP = 10
LATENCY_MS = (200, 2_000)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What to make; the options of `gridtwin dataset synthetic`."""

    sites: int = 1000
    depth: int = 4
    fanout: int | tuple[int, ...] = 25
    """Children of a node; one number per level from the lowest, the last one for all above."""
    devices_per_site: int = 1
    kinds: tuple[str, ...] = KINDS
    """Kinds of devices, in turn; a single device of a site is of the first."""
    intervals_s: tuple[int, ...] = (15,)
    hot_interval_s: int | None = None
    """How often the devices of the first site report, if not as those of the others."""
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
    def of(cls, *, interval_s: tuple[int, ...], duration_s: int, start_ms: int, local_day: datetime | None,
           timezone: ZoneInfo, **shape: Any) -> Self:  # fmt: skip
        """Return the shape that the options describe."""
        end_ms = start_ms + duration_s * 1000
        if local_day is not None:
            midnight = local_day.replace(tzinfo=timezone)
            start_ms, end_ms = _ms(midnight), _ms(midnight + timedelta(days=1))
        return cls(intervals_s=interval_s, start_ms=start_ms, end_ms=end_ms, **shape)

    def sites_below(self, depth: int) -> int:
        """Return how many sites a node has below it, 0 being the lowest level."""
        fanouts = self.fanout if isinstance(self.fanout, tuple) else (self.fanout,)
        return prod(fanouts[min(level, len(fanouts) - 1)] for level in range(depth + 1))


class Unit(NamedTuple):
    """A device and when it reports."""

    name: str
    kind: str
    interval_s: int
    phase_ms: int
    rated_w: int
    capacity_wh: int | None
    usual_w: int
    """What its readings vary about: a device does not turn from full power to the opposite at every reading."""


class Home(NamedTuple):
    """A site: its devices, the nodes above it, and when it belongs to them."""

    name: str
    units: tuple[Unit, ...]
    parents: tuple[str, ...]
    above: tuple[str, ...]
    from_ms: int
    to_ms: int | None


class Place(NamedTuple):
    """A node: its level, hierarchy and parent."""

    level: str
    hierarchy: str
    parents: tuple[str, ...]


class Said(NamedTuple):
    """A reading and when it arrives."""

    arrived_ms: int
    home: Home
    unit: Unit
    at_ms: int
    power_w: int
    soc_wh: int | None


def make_world(shape: Shape, chance: random.Random) -> tuple[dict[str, Place], list[Home]]:
    """Return nodes by name, and sites."""
    groups = [_name(shape, "group", number) for number in range(shape.groups)]
    nodes = dict.fromkeys(groups, Place("group", "group", ()))
    homes = []
    for number in range(shape.sites):
        chain = _chain(shape, number, nodes)
        mine = tuple(group for group in groups if chance.random() < 0.5)
        homes.append(_home(shape, number, chain, mine, chance))
    return nodes, homes


def _chain(shape: Shape, number: int, nodes: dict[str, Place]) -> list[str]:
    """Return the nodes above a site, from the lowest; levels beyond the four named ones are numbered."""
    chain = []
    for depth in range(shape.depth):
        level = LEVELS[depth] if depth < len(LEVELS) else f"level_{depth + 1}"
        chain.append((level, _name(shape, level, number // shape.sites_below(depth))))
    for (level, name), above in zip(chain, [*chain[1:], None], strict=True):
        nodes.setdefault(name, Place(level, "grid", (above[1],) if above else ()))
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
    kind = shape.kinds[(site + number) % len(shape.kinds)] if shape.devices_per_site > 1 else shape.kinds[0]
    interval_s = chance.choice(shape.intervals_s)
    if site == 0 and shape.hot_interval_s is not None:
        interval_s = shape.hot_interval_s
    capacity = chance.randrange(5_000, 20_000) if kind in STORAGE else None
    rated_w = chance.randrange(2_000, 12_000)
    low, high = _range(kind, rated_w)
    return Unit(f"{_name(shape, 'device', site)}/{number}", kind, interval_s, chance.randrange(interval_s * 1000),
                rated_w, capacity, chance.randint(low, high))  # fmt: skip


def _range(kind: str, rated_w: int) -> tuple[int, int]:
    """Return the least and the most power of a kind in W."""
    return 0 if kind in ("load", "heat_pump") else -rated_w, 0 if kind == "pv" else rated_w


def _name(shape: Shape, word: str, number: int) -> str:
    return f"{word}-{number:06d}" + (f" {WORDS[number % len(WORDS)]}" if shape.is_unicode else "")


def say(shape: Shape, homes: list[Home], start_ms: int, chance: random.Random) -> Iterator[Said]:
    """Yield what is measured in one window, home by home."""
    for home in homes:
        low_ms = max(start_ms, shape.start_ms, home.from_ms)
        high_ms = min(start_ms + shape.window_s * 1000, shape.end_ms, home.to_ms or shape.end_ms)
        for unit in home.units:
            step_ms = unit.interval_s * 1000
            first_ms = low_ms + (unit.phase_ms - low_ms) % step_ms
            for at_ms in range(first_ms, high_ms, step_ms):
                if chance.random() >= shape.gap_share:
                    yield _said(home, unit, at_ms, chance)


def _said(home: Home, unit: Unit, at_ms: int, chance: random.Random) -> Said:
    low, high = _range(unit.kind, unit.rated_w)
    step_w = unit.rated_w // SHARE_OF_STEP
    power_w = chance.randint(max(low, unit.usual_w - step_w), min(high, unit.usual_w + step_w))
    soc = chance.randrange(unit.capacity_wh + 1) if unit.capacity_wh is not None else None
    return Said(at_ms + chance.randrange(*LATENCY_MS), home, unit, at_ms, power_w, soc)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
