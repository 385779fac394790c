"""What the storage below a node can take and give: as reported, as estimated, as committable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app.domain.contracts import DeviceRecord, Storage
from app.domain.rules import Rules
from app.domain.topology import is_valid
from app.domain.units import Milliseconds
from app.query.members import read_live, stale_after_ms
from app.query.rows import SITE
from app.query.twins import Stored
from app.query.view import View

S_PER_H = 3600
MIN_PER_H = 60


class Flexibility(msgspec.Struct, frozen=True):
    """Power available now, energy to full and to empty, and how long they last at that power."""

    charge_power_w: int
    discharge_power_w: int
    energy_to_full_wh: int
    energy_to_empty_wh: int
    minutes_charging: float | None
    minutes_discharging: float | None
    state_of_charge_wh: int
    usable_capacity_wh: int


class DeviceCount(msgspec.Struct, frozen=True):
    """Devices with storage, by what is known of them."""

    fresh: int
    stale: int
    never: int


class NodeFlexibility(msgspec.Struct, frozen=True, kw_only=True):
    """Three answers. `reported`: the node's live record, fresh devices at full power. `estimated`: stale ones, too, at
    their last value. `committable`: stale ones as nothing, and no more power than the energy holds for one window.
    """

    node: str
    reported: Flexibility | None
    estimated: Flexibility
    committable: Flexibility
    devices: DeviceCount


class Battery(NamedTuple):
    """A device with storage: what it may hold and do, and what it last said."""

    record: DeviceRecord
    stored: Stored | None
    is_fresh: bool


def flexibility_of(view: View, name: str) -> NodeFlexibility:
    """Return the flexibility of everything below a node."""
    held = view.aggregates.live.get(name)
    live = read_live(held.value) if held is not None else None
    as_of_ms = int(live.as_of_ms) if live is not None else view.clocks.as_of_ms() or 0
    batteries = list(_batteries(view, name, as_of_ms))
    fresh = [one for one in batteries if one.is_fresh]
    heard = [one for one in batteries if one.stored is not None]
    return NodeFlexibility(
        node=name,
        reported=reported(live.storage) if live is not None else None,
        estimated=add_up(heard),
        committable=add_up(fresh, hold_s=int(view.rules.window_ms) // 1000),
        devices=DeviceCount(len(fresh), len(heard) - len(fresh), len(batteries) - len(heard)),
    )


def reported(storage: Storage) -> Flexibility:
    """Return what a live record says."""
    return make_flexibility(
        int(storage.charge_power_available_w),
        int(storage.discharge_power_available_w),
        int(storage.state_of_charge_wh),
        int(storage.usable_capacity_wh),
    )


def add_up(batteries: Iterable[Battery], *, hold_s: int | None = None) -> Flexibility:
    """Return what batteries can do together; with *hold_s*, each only as much as it can keep up for so long."""
    charge_w = discharge_w = stored_wh = usable_wh = 0
    for one in batteries:
        if one.stored is None:
            continue
        usable, rated_w = int(one.record.usable_capacity_wh or 0), int(one.record.rated_power_w)
        stored = min(one.stored.state_of_charge_wh, usable)
        charge_w += _power(rated_w, usable - stored, hold_s)
        discharge_w += _power(rated_w, stored, hold_s)
        stored_wh, usable_wh = stored_wh + stored, usable_wh + usable
    return make_flexibility(charge_w, discharge_w, stored_wh, usable_wh)


def make_flexibility(charge_w: int, discharge_w: int, stored_wh: int, usable_wh: int) -> Flexibility:
    """Return powers and energies with how long they last."""
    to_full_wh = max(usable_wh - stored_wh, 0)
    return Flexibility(charge_w, discharge_w, to_full_wh, stored_wh, _minutes(to_full_wh, charge_w),
                       _minutes(stored_wh, discharge_w), stored_wh, usable_wh)  # fmt: skip


def _power(rated_w: int, energy_wh: int, hold_s: int | None) -> int:
    if energy_wh <= 0:
        return 0
    return rated_w if hold_s is None else min(rated_w, energy_wh * S_PER_H // hold_s)


def _minutes(energy_wh: int, power_w: int) -> float | None:
    return round(energy_wh * MIN_PER_H / power_w, 1) if power_w else None


def _batteries(view: View, name: str, as_of_ms: int) -> Iterable[Battery]:
    sites = view.membership.topology.sites
    depth = len(view.membership.topology.nodes)
    for _, family, site in view.membership.descendants(name, as_of_ms, depth):
        if family == SITE:
            stored = view.twins.stored.get(site, {})
            for record in sites[site].devices:
                if record.usable_capacity_wh is not None and is_valid(record, Milliseconds(as_of_ms)):
                    yield _battery(record, stored.get(record.device), as_of_ms, view.rules)


def _battery(record: DeviceRecord, stored: Stored | None, as_of_ms: int, rules: Rules) -> Battery:
    is_fresh = stored is not None and as_of_ms - stored.at_ms < stale_after_ms(record, rules)
    return Battery(record, stored, is_fresh)
