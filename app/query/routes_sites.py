"""/v1/sites: twins, where they stand, their windows and transitions."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Response, get
from litestar.datastructures import State

from app.domain.contracts import SiteRecord, Transition
from app.query.asking import make_cursor, read_key, within
from app.query.envelopes import Answer, Page, WindowPage
from app.query.history import read_owned
from app.query.members import Member, partition_of_id
from app.query.open_windows import OpenWindow
from app.query.refusals import PROBLEMS
from app.query.replies import reply
from app.query.routes_nodes import PAGE, Asked, AsOf, Cursor, Format, From, Id, Limit, Text, Word
from app.query.rows import NODE, SITE, TRANSITION, TWIN, named_key, unpack
from app.query.service import Service
from app.query.states import SiteAnswer, Standing, states_of
from app.query.view import View
from app.query.window_answers import answer_windows


class Sites(Controller):
    """Sites and their twins."""

    path = "/sites"
    tags = ("sites",)

    @get("/", responses=PROBLEMS, sync_to_thread=False)
    def list_sites(
        self, request: Asked, state: State, prefix: Text = None, text: Text = None, as_of: AsOf = None,
        limit: Limit = None, cursor: Cursor = None,
    ) -> Response[Page[Member]]:  # fmt: skip
        """List sites in order of id."""
        service: Service = state.service
        wanted = (text or "").casefold()
        keys: list[tuple[int | None, bytes, str]] = [
            (None, SITE, name) for name in service.view.membership.ordered(SITE)
            if (prefix is None or name.startswith(prefix)) and (not wanted or wanted in name.casefold())
        ]  # fmt: skip
        most = within(limit, "limit", PAGE, service.settings.query_page)
        return reply(request, service.members(("sites", prefix, text, as_of), keys, service.instant(as_of), most,
                                              cursor))  # fmt: skip

    @get("/{name:str}", responses=PROBLEMS, sync_to_thread=False)
    def show_site(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Answer[SiteAnswer]]:
        """Show a site: its twin with each value's own time, its states with since when and why."""
        service: Service = state.service
        view, site, at_ms = service.view, service.known(SITE, name), service.instant(as_of)
        member = service.describe(SITE, site, at_ms)
        row = view.rows.get(named_key(TWIN, site))
        ancestors = [service.describe(NODE, one, at_ms) for one in view.membership.ancestors(SITE, site, at_ms)]
        found = _Found(site=member, ancestors=ancestors, record=view.membership.topology.sites[site],
                       twin=msgspec.Raw(unpack(row).value) if row is not None else None,
                       states=states_of(view, site), open_windows=_open_windows(view, site))  # fmt: skip
        live = member.live
        return reply(request, Answer(
            as_of_ms=live.as_of_ms if live else None, **service.surrounding(SITE, site), data=found,
            revision=live.revision if live else None, coverage=live.coverage if live else None,
        ))  # fmt: skip

    @get("/{name:str}/parents", responses=PROBLEMS, sync_to_thread=False)
    def parents(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Page[Member]]:
        """List the parents of a site: one in each hierarchy, any number of groups."""
        service: Service = state.service
        site, at_ms = service.known(SITE, name), service.instant(as_of)
        above = service.view.membership.parents(SITE, site, at_ms)
        return reply(request, service.page([service.describe(NODE, one, at_ms) for one in above]))

    @get("/{name:str}/ancestors", responses=PROBLEMS, sync_to_thread=False)
    def ancestors(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Page[Member]]:
        """List everything above a site, nearest first."""
        service: Service = state.service
        site, at_ms = service.known(SITE, name), service.instant(as_of)
        above = service.view.membership.ancestors(SITE, site, at_ms)
        return reply(request, service.page([service.describe(NODE, one, at_ms) for one in above]))

    @get("/{name:str}/windows", responses=PROBLEMS)
    async def windows(
        self, request: Asked, state: State, name: Id,
        begin: From = None,
        to: Text = None, window: Text = None, tz: Word = "UTC", kinds: Text = None,
        status: Text = None,
        form: Format = None,
    ) -> Response[WindowPage]:  # fmt: skip
        """List the closed windows of a site, or periods of many windows."""
        service: Service = state.service
        site = service.known(SITE, name)
        return await answer_windows(request, service, SITE, site, (begin, to, window, tz, kinds, status, form))

    @get("/{name:str}/transitions", responses=PROBLEMS, sync_to_thread=False)
    def transitions(
        self, request: Asked, state: State, name: Id, limit: Limit = None, cursor: Cursor = None
    ) -> Response[Page[Transition]]:
        """List the transitions of a site, newest first."""
        service: Service = state.service
        site = service.known(SITE, name)
        most = within(limit, "limit", PAGE, service.settings.query_page)
        before = read_key(("transitions", site), cursor, TRANSITION)
        items, last = _transitions(service, site, before, most)
        following = make_cursor(("transitions", site), last.hex()) if last is not None else None
        return reply(request, service.page(items, following))


def _open_windows(view: View, site: str) -> list[OpenWindow]:
    closed_ms = view.clocks.closed_ms("twin", partition_of_id(view, site)) or 0
    return view.checkpoints.open_windows(site, view.membership.topology.sites[site], view.rules, closed_ms)


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """`SiteAnswer` with the twin as it was published."""

    site: Member
    ancestors: list[Member]
    record: SiteRecord
    twin: msgspec.Raw | None
    states: list[Standing]
    open_windows: list[OpenWindow]


def _transitions(service: Service, site: str, before: bytes | None, most: int) -> tuple[list[Any], bytes | None]:
    view, items, last = service.view, list[Any](), None
    newest_day = int.from_bytes(before[1:5], "big") if before else view.newest_day
    for key, row in read_owned(view.rows, TRANSITION, SITE, site, newest_day, view.retention_days, before):
        if len(items) == most:
            return items, last
        items.append(msgspec.Raw(unpack(row).value))
        last = key
    return items, None
