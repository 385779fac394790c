"""What a number is made of: children, partitions, devices, what is missing, which revision replaced which."""

from __future__ import annotations

import msgspec

from app.domain.contracts import ALL_KINDS
from app.query.coverage import Coverage, window_coverage
from app.query.history import read_one, read_replaced
from app.query.members import (
    kind_of,
    node_live,
    partition_of_id,
    site_as_of_ms,
    site_devices,
    site_live,
    twin_of,
)
from app.query.problems import ProblemError
from app.query.rows import NODE, SITE
from app.query.view import View
from app.query.windows import Published


class DevicePart(msgspec.Struct, frozen=True):
    """A device of a site, as it is now."""

    device: str
    kind: str
    active_power_w: int | None
    measured_at_ms: int | None
    is_fresh: bool


class ChildPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a child adds."""

    id: str
    type: str
    partition: int
    revision: int | None = None
    power_w: int | None = None
    status: str | None = None
    state: str | None = None
    coverage: Coverage | None = None
    devices: list[DevicePart] = []


class MissingPart(msgspec.Struct, frozen=True):
    """A child that adds nothing, or less than it should."""

    id: str
    type: str
    reason: str


class RevisionStep(msgspec.Struct, frozen=True):
    """A revision and the one that it replaced."""

    revision: int
    replaced_revision: int | None
    status: str
    power_w: int | None
    at_ms: int | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and its parts: `difference_w` is 0 when all of them are equally far, null when some are cut off."""

    node: str
    window_start_ms: int | None
    revision: int
    status: str | None
    state: str
    power_w: int
    children: list[ChildPart]
    children_power_w: int
    difference_w: int | None
    missing: list[MissingPart]
    waiting_for: tuple[int, ...] = ()
    revisions: list[RevisionStep] = []
    is_cut: bool


def explain_live(view: View, name: str, limit: int) -> Explanation:
    """Return what a node's live value is made of."""
    held = view.aggregates.live.get(name)
    if held is None:
        raise ProblemError(404, f"node {name!r} has no live value yet", "wait for the first telemetry below it")
    live = node_live(held)
    children, is_cut = _children(view, name, live.as_of_ms, limit)
    parts = [_live_part(view, family, child) for family, child in children]
    return _explanation(name, None, live.revision, None, live.state or "", live.active_power_w, parts, is_cut=is_cut)


def explain_window(view: View, name: str, start_ms: int, limit: int) -> Explanation:
    """Return what a node's window is made of; members are those of the window's start."""
    window = read_one(view.rows, NODE, name, start_ms)
    if window is None:
        raise ProblemError(404, f"node {name!r} has no window that starts at {start_ms}", "ask for its windows first")
    children, is_cut = _children(view, name, start_ms, limit)
    parts = [_window_part(view, family, child, start_ms) for family, child in children]
    found = _explanation(name, start_ms, window.revision, window.status, window.state, _power(window) or 0, parts,
                         is_cut=is_cut)  # fmt: skip
    return msgspec.structs.replace(
        found, waiting_for=window.waiting_for, revisions=_revisions(view, name, start_ms, window)
    )


def _children(view: View, name: str, at_ms: int, limit: int) -> tuple[list[tuple[bytes, str]], bool]:
    below = view.membership.below(at_ms)
    children = [(NODE, one) for one in below.nodes.get(name, ())] + [(SITE, one) for one in below.sites.get(name, ())]
    return children[:limit], len(children) > limit


def _explanation(
    name: str, start_ms: int | None, revision: int, status: str | None, state: str, power_w: int,
    parts: list[ChildPart], *, is_cut: bool,
) -> Explanation:  # fmt: skip
    total = sum(part.power_w or 0 for part in parts)
    return Explanation(
        node=name, window_start_ms=start_ms, revision=revision, status=status, state=state, power_w=power_w,
        children=parts, children_power_w=total, difference_w=None if is_cut else power_w - total,
        missing=[MissingPart(part.id, part.type, _reason(part)) for part in parts if part.state != "complete"],
        is_cut=is_cut,
    )  # fmt: skip


def _reason(part: ChildPart) -> str:
    return part.state if part.state is not None else "nothing was heard of it"


def _live_part(view: View, family: bytes, name: str) -> ChildPart:
    held = view.aggregates.live.get(name) if family == NODE else None
    live = node_live(held) if held is not None else site_live(view, name) if family == SITE else None
    part = ChildPart(id=name, type=kind_of(family), partition=partition_of_id(view, name))
    if live is None:
        return part
    return msgspec.structs.replace(
        part, revision=live.revision, power_w=live.active_power_w, state=live.state, coverage=live.coverage,
        devices=_devices(view, name) if family == SITE else [],
    )  # fmt: skip


def _devices(view: View, name: str) -> list[DevicePart]:
    twin = twin_of(view, name)
    if twin is None:
        return []
    record = view.membership.topology.sites.get(name)
    devices = site_devices(record, twin, site_as_of_ms(view, name, twin), view.rules)
    return [
        DevicePart(one.record.device, one.record.kind, one.reading.active_power_w if one.reading else None,
                   one.reading.measured_at_ms if one.reading else None, one.is_fresh)
        for one in devices
    ]  # fmt: skip


def _window_part(view: View, family: bytes, name: str, start_ms: int) -> ChildPart:
    part = ChildPart(id=name, type=kind_of(family), partition=partition_of_id(view, name))
    window = read_one(view.rows, family, name, start_ms)
    if window is None:
        return part
    return msgspec.structs.replace(
        part, revision=window.revision, power_w=_power(window), status=window.status, state=window.state,
        coverage=window_coverage([window], 1),
    )  # fmt: skip


def _power(window: Published) -> int | None:
    total = window.kinds.get(ALL_KINDS)
    return int(total.mean_power_w) if total is not None else None


def _revisions(view: View, name: str, start_ms: int, window: Published) -> list[RevisionStep]:
    """The value that holds comes last; before it, those that were final until then."""
    replaced = sorted(read_replaced(view.rows, NODE, name, start_ms), key=lambda one: one.replaced_revision)
    steps, before = [], None
    for one in replaced:
        steps.append(RevisionStep(one.replaced_revision, before, one.status, one.power_w, one.at_ms))
        before = one.replaced_revision
    return [*steps, RevisionStep(window.revision, before, window.status, _power(window), None)]
