"""Slots to what is published: a node's window and its live value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

import msgspec

from app.domain.contracts import (
    Completeness,
    KindLive,
    KindTotals,
    LiveAggregate,
    LiveKind,
    RatedPower,
    SiteCount,
    SiteStates,
    Status,
    Storage,
    WindowAggregate,
    WindowKind,
)
from app.domain.rollup_slots import Slots, add_kinds
from app.domain.units import Joules, Milliseconds, Seconds, WattHours, Watts

_encode: Final = msgspec.json.Encoder().encode
_WINDOW_MEASURES = len(KindTotals.__struct_fields__)
_LIVE_MEASURES = len(KindLive.__struct_fields__)
_WindowMeasures = tuple[int, Watts, Watts, Joules, Joules, int, int, Seconds, Seconds]
_LiveMeasures = tuple[Watts, Watts, Watts, Watts, int, int, int, Watts, Watts]


class NodeSaying(NamedTuple):
    """A record for a level's topic."""

    level: str
    node: str
    key: bytes
    value: bytes
    window: WindowAggregate | None = None


def say_window(slots: Slots, *, window_s: Seconds, status: Status, waiting_for: tuple[int, ...]) -> NodeSaying:
    """Return the aggregate of a window; `sites`, `rated_power_w` and coverage say what it rests on."""
    shares = [slot.window for slot in slots.slots.values() if slot.window is not None]
    measures = add_kinds((share.kinds for share in shares), _WINDOW_MEASURES)
    kinds = {kind: WindowKind(*cast(_WindowMeasures, one)) for kind, one in measures.items()}
    start_ms = slots.place.start_ms
    assert start_ms is not None
    record = WindowAggregate(
        node=slots.place.node,
        level=slots.level,
        hierarchy=slots.hierarchy,
        window_start_ms=start_ms,
        window_s=window_s,
        revision=slots.revision,
        status=status,
        state=_window_state(kinds["all"]),
        waiting_for=waiting_for,
        kinds=kinds,
        sites=SiteCount(sum([one.sites_expected for one in shares]), sum([one.sites_reporting for one in shares])),
        rated_power_w=RatedPower(
            sum([one.rated_power_expected_w for one in shares], Watts(0)),
            sum([one.rated_power_reporting_w for one in shares], Watts(0)),
        ),
        oldest_measured_at_ms=_oldest([one.oldest_measured_at_ms for one in shares]),
        newest_measured_at_ms=_newest([one.newest_measured_at_ms for one in shares]),
    )
    key = b"%s|%d" % (slots.place.node.encode(), start_ms)
    return NodeSaying(slots.level, slots.place.node, key, _encode(record), record)


def say_live(slots: Slots) -> NodeSaying:
    """Return the live aggregate, as of the oldest share that has members: no part of it is older than that."""
    shares = [slot.live for slot in slots.slots.values() if slot.live is not None]
    measures = add_kinds((share.kinds for share in shares), _LIVE_MEASURES)
    kinds = {kind: LiveKind(*cast(_LiveMeasures, one)) for kind, one in measures.items()}
    states = map(sum, zip(*[share.sites for share in shares], strict=True))
    stored_wh, usable_wh, charge_w, discharge_w = map(sum, zip(*[share.storage for share in shares], strict=True))
    record = LiveAggregate(
        node=slots.place.node,
        level=slots.level,
        hierarchy=slots.hierarchy,
        as_of_ms=min([share.as_of_ms for share in shares if share.kinds] or [share.as_of_ms for share in shares]),
        revision=slots.revision,
        state=_live_state(kinds["all"]),
        kinds=kinds,
        sites=SiteStates(*states),
        storage=Storage(WattHours(stored_wh), WattHours(usable_wh), Watts(charge_w), Watts(discharge_w)),
    )
    return NodeSaying(slots.level, slots.place.node, b"%s|live" % slots.place.node.encode(), _encode(record))


def _window_state(total: WindowKind) -> Completeness:
    if not total.readings:
        return "empty"
    return "complete" if total.covered_device_s >= total.expected_device_s else "partial"


def _live_state(total: LiveKind) -> Completeness:
    if not total.devices_fresh:
        return "stale" if total.devices_stale else "empty"
    return "partial" if total.devices_stale or total.devices_never else "complete"


def _oldest(times: Iterable[Milliseconds | None]) -> Milliseconds | None:
    return min([one for one in times if one is not None], default=None)


def _newest(times: Iterable[Milliseconds | None]) -> Milliseconds | None:
    return max([one for one in times if one is not None], default=None)
