"""The routes about everything at once: hierarchies, levels, kinds, transitions, rejections, status."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from app.domain.contracts import Reason, Transition
from app.query.asking import make_cursor, one_of, read_key, within
from app.query.envelopes import Answer, Page
from app.query.fleet import Hierarchy, Kind, Level, RejectionPage
from app.query.history import read_feed, read_owned
from app.query.refusals import PROBLEMS
from app.query.rejections import Rejected, read_rejection
from app.query.replies import reply
from app.query.routes_nodes import PAGE, Asked, Cursor, Limit, Text
from app.query.rows import NODE, REJECTION, REJECTIONS, SITE, TRANSITIONS, day_of, unpack
from app.query.service import Service
from app.query.status import Status, status_of

LOOKED_AT = 20_000


@get("/hierarchies", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def hierarchies(request: Asked, state: State) -> Response[Page[Hierarchy]]:
    """List the hierarchies, with the nodes that have nothing above them."""
    service: Service = state.service
    members, at_ms = service.view.membership, service.instant(None)
    found: dict[str, list[str]] = {}
    for name in members.ordered(NODE):
        found.setdefault(members.topology.nodes[name].hierarchy, []).append(name)
    items = [
        Hierarchy(word, len(names), [name for name in names if not members.parents(NODE, name, at_ms)],
                  sorted({members.topology.nodes[name].level for name in names}))
        for word, names in sorted(found.items())
    ]  # fmt: skip
    return reply(request, service.page(items))


@get("/levels", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def levels(request: Asked, state: State) -> Response[Page[Level]]:
    """List the levels, with how far each is final."""
    service: Service = state.service
    counts: dict[tuple[str, str], int] = {}
    for record in service.view.membership.topology.nodes.values():
        key = record.level, record.hierarchy
        counts[key] = counts.get(key, 0) + 1
    clocks = service.view.clocks.levels
    items = [
        Level(level, hierarchy, count, clocks[level].newest_final_window_ms if level in clocks else None)
        for (level, hierarchy), count in sorted(counts.items())
    ]
    return reply(request, service.page(items))


@get("/kinds", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def kinds(request: Asked, state: State) -> Response[Page[Kind]]:
    """List the kinds of devices."""
    service: Service = state.service
    found: dict[str, list[int]] = {}
    for site in service.view.membership.topology.sites.values():
        for device in site.devices:
            found.setdefault(device.kind, []).append(int(device.rated_power_w))
    return reply(request, service.page([Kind(kind, len(those), sum(those)) for kind, those in sorted(found.items())]))


@get("/transitions", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def transitions(request: Asked, state: State, limit: Limit = None, cursor: Cursor = None) -> Response[Page[Transition]]:
    """List the transitions of all sites, newest first."""
    service: Service = state.service
    most = within(limit, "limit", PAGE, service.settings.query_page)
    found = list(read_feed(service.view.rows, TRANSITIONS, read_key(("transitions",), cursor, TRANSITIONS), most + 1))
    following = make_cursor(("transitions",), found[most - 1][0].hex()) if len(found) > most else None
    return reply(request, service.page([msgspec.Raw(unpack(row).value) for _, row in found[:most]], following))


@get("/rejections", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def rejections(
    request: Asked, state: State, reason: Text = None, site: Text = None, limit: Limit = None, cursor: Cursor = None
) -> Response[RejectionPage]:
    """Count rejected telemetry by reason, and list it, newest first, of one reason or one site if it is named."""
    service: Service = state.service
    one_of(reason, "reason", [str(one) for one in Reason])
    most, question = within(limit, "limit", PAGE, service.settings.query_page), ("rejections", reason, site)
    before = read_key(question, cursor, REJECTIONS if site is None else REJECTION)
    items, last = _some(_rejections(service, site, before), reason, most)
    summary = service.view.rejections.summary
    return reply(request, RejectionPage(
        **service.surrounding_all(), counts=summary.counts, latest=summary.latest, items=items,
        next=make_cursor(question, last.hex()) if last is not None else None,
    ))  # fmt: skip


def _rejections(service: Service, site: str | None, before: bytes | None) -> Iterator[tuple[bytes, Rejected]]:
    view = service.view
    newest_day = day_of(view.clocks.newest_rejection_ms)
    rows = (read_feed(view.rows, REJECTIONS, before, 2 * LOOKED_AT) if site is None
            else read_owned(view.rows, REJECTION, SITE, site, newest_day, view.retention_days, before))  # fmt: skip
    return ((key, read_rejection(unpack(row).value)) for key, row in rows)


def _some(
    found: Iterator[tuple[bytes, Rejected]], reason: str | None, most: int
) -> tuple[list[Rejected], bytes | None]:
    """Return those of a reason, and what to go on behind: only so many are looked at, so few or none may come first."""
    items, last = list[Rejected](), None
    for looked_at, (key, one) in enumerate(found):
        if len(items) == most or looked_at == LOOKED_AT:
            return items, last
        last = key
        if reason is None or one.reason == reason:
            items.append(one)
    return items, None


@get("/status", responses=PROBLEMS, sync_to_thread=False, tags=["fleet"])
def status(request: Asked, state: State) -> Response[Answer[Status]]:
    """Show how far everything is: by partition, by level, and this replica itself."""
    service: Service = state.service
    return reply(request, Answer(**service.surrounding_all(), data=status_of(service)))
