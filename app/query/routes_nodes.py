"""/v1/nodes: what there is, what is above and below, what it does now and did."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter

from app.domain.contracts import LiveAggregate
from app.query.asking import family_of, within
from app.query.coverage import live_coverage
from app.query.envelopes import Answer, Page, WindowPage
from app.query.explain import Explanation, explain_live, explain_window
from app.query.flexibility import NodeFlexibility, flexibility_of
from app.query.members import Member, NodeAnswer, read_live
from app.query.problems import ProblemError
from app.query.refusals import PROBLEMS
from app.query.replies import reply
from app.query.rows import NODE
from app.query.service import Service
from app.query.window_answers import answer_windows

PAGE = 100
AsOf = Annotated[str | None, QueryParameter(description="Topology as of this time: ISO 8601 or milliseconds.")]
Limit = Annotated[int | None, QueryParameter(description="Most items in one answer.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the answer before.")]
Type = Annotated[str | None, QueryParameter(name="type", description="node or site")]
From = Annotated[str | None, QueryParameter(name="from", description="ISO 8601 or milliseconds")]
Format = Annotated[str | None, QueryParameter(name="format", description="json or csv")]
Id = FromPath[str]
Text = FromQuery[str | None]
Word = FromQuery[str]
Number = FromQuery[int | None]
Flag = FromQuery[bool]
Asked = Request[Any, Any, State]


class Nodes(Controller):
    """Nodes of every level and hierarchy."""

    path = "/nodes"
    tags = ("nodes",)

    @get("/", responses=PROBLEMS, sync_to_thread=False)
    def list_nodes(
        self, request: Asked, state: State, hierarchy: Text = None, level: Text = None,
        prefix: Text = None, text: Text = None, roots: Flag = False, as_of: AsOf = None,
        limit: Limit = None, cursor: Cursor = None,
    ) -> Response[Page[Member]]:  # fmt: skip
        """List nodes in order of id."""
        service: Service = state.service
        members, at_ms = service.view.membership, service.instant(as_of)
        nodes, wanted = members.topology.nodes, (text or "").casefold()
        keys: list[tuple[int | None, bytes, str]] = [
            (None, NODE, name) for name in members.ordered(NODE)
            if (hierarchy is None or nodes[name].hierarchy == hierarchy)
            and (level is None or nodes[name].level == level)
            and (prefix is None or name.startswith(prefix))
            and (not wanted or wanted in name.casefold())
            and (not roots or not members.parents(NODE, name, at_ms))
        ]  # fmt: skip
        most = within(limit, "limit", PAGE, service.settings.query_page)
        question = ("nodes", hierarchy, level, prefix, text, roots, as_of)
        return reply(request, service.members(question, keys, at_ms, most, cursor))

    @get("/{name:str}", responses=PROBLEMS, sync_to_thread=False)
    def show_node(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Answer[NodeAnswer]]:
        """Show a node and where it stands."""
        service: Service = state.service
        node, at_ms = service.known(NODE, name), service.instant(as_of)
        member = service.describe(NODE, node, at_ms)
        above = service.view.membership.ancestors(NODE, node, at_ms)
        found = NodeAnswer(
            member,
            [service.describe(NODE, one, at_ms) for one in above],
            service.view.membership.topology.nodes[node],
        )
        live = member.live
        return reply(request, Answer(
            as_of_ms=live.as_of_ms if live else None, **service.surrounding(NODE, node), data=found,
            revision=live.revision if live else None, coverage=live.coverage if live else None,
        ))  # fmt: skip

    @get("/{name:str}/children", responses=PROBLEMS, sync_to_thread=False)
    def children(
        self, request: Asked, state: State, name: Id, as_of: AsOf = None,
        kind: Type = None,
        limit: Limit = None, cursor: Cursor = None,
    ) -> Response[Page[Member]]:  # fmt: skip
        """List what is directly below a node: nodes, then sites."""
        return _below(request, state.service, name, (as_of, kind, limit, cursor), depth=1, is_deep=False)

    @get("/{name:str}/descendants", responses=PROBLEMS, sync_to_thread=False)
    def descendants(
        self, request: Asked, state: State, name: Id, as_of: AsOf = None, depth: Number = None,
        kind: Type = None,
        limit: Limit = None, cursor: Cursor = None,
    ) -> Response[Page[Member]]:  # fmt: skip
        """List everything below a node, level by level."""
        service: Service = state.service
        most = service.settings.query_depth
        return _below(request, service, name, (as_of, kind, limit, cursor), is_deep=True,
                      depth=within(depth, "depth", most, most))  # fmt: skip

    @get("/{name:str}/parents", responses=PROBLEMS, sync_to_thread=False)
    def parents(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Page[Member]]:
        """List the parents of a node: one, or none."""
        service: Service = state.service
        node, at_ms = service.known(NODE, name), service.instant(as_of)
        above = service.view.membership.parents(NODE, node, at_ms)
        return reply(request, service.page([service.describe(NODE, one, at_ms) for one in above]))

    @get("/{name:str}/ancestors", responses=PROBLEMS, sync_to_thread=False)
    def ancestors(self, request: Asked, state: State, name: Id, as_of: AsOf = None) -> Response[Page[Member]]:
        """List everything above a node, nearest first."""
        service: Service = state.service
        node, at_ms = service.known(NODE, name), service.instant(as_of)
        above = service.view.membership.ancestors(NODE, node, at_ms)
        return reply(request, service.page([service.describe(NODE, one, at_ms) for one in above]))

    @get("/{name:str}/live", responses=PROBLEMS, sync_to_thread=False)
    def live(self, request: Asked, state: State, name: Id) -> Response[Answer[LiveAggregate]]:
        """Show what a node does now, as it was published."""
        service: Service = state.service
        node = service.known(NODE, name)
        held = service.view.aggregates.live.get(node)
        if held is None:
            raise ProblemError(404, f"node {node!r} has no live value yet", "wait for the first telemetry below it")
        live = read_live(held.value)
        return reply(request, Answer(
            as_of_ms=int(live.as_of_ms), **service.surrounding(NODE, node), revision=int(live.revision),
            coverage=live_coverage(live.kinds.get("all")), data=msgspec.Raw(held.value),
        ))  # fmt: skip

    @get("/{name:str}/windows", responses=PROBLEMS)
    async def windows(
        self, request: Asked, state: State, name: Id,
        begin: From = None,
        to: Text = None, window: Text = None, tz: Word = "UTC", kinds: Text = None,
        status: Text = None,
        form: Format = None,
    ) -> Response[WindowPage]:  # fmt: skip
        """List the windows of a node, or periods of many windows: PT15M, PT1H, P1D."""
        service: Service = state.service
        node = service.known(NODE, name)
        asked = (begin, to, window, tz, kinds, status, form)
        return await answer_windows(request, service, NODE, node, asked)

    @get("/{name:str}/explain", responses=PROBLEMS, sync_to_thread=False)
    def explain(
        self, request: Asked, state: State, name: Id, window_start_ms: Number = None, limit: Limit = None
    ) -> Response[Answer[Explanation]]:
        """Show what a number is made of: children, partitions, devices, what is missing, earlier revisions."""
        service: Service = state.service
        node, most = service.known(NODE, name), within(limit, "limit", PAGE * 10, service.settings.query_page)
        found = (explain_live(service.view, node, most) if window_start_ms is None
                 else explain_window(service.view, node, window_start_ms, most))  # fmt: skip
        return reply(request, Answer(as_of_ms=service.view.clocks.as_of_ms(), **service.surrounding(NODE, node),
                                     revision=found.revision, data=found))  # fmt: skip

    @get("/{name:str}/flexibility", responses=PROBLEMS, sync_to_thread=False)
    def flexibility(self, request: Asked, state: State, name: Id) -> Response[Answer[NodeFlexibility]]:
        """Show what the storage below a node can take and give: reported, estimated, committable."""
        service: Service = state.service
        node = service.known(NODE, name)
        live = service.describe(NODE, node, service.instant(None)).live
        return reply(request, Answer(
            as_of_ms=live.as_of_ms if live else None, **service.surrounding(NODE, node),
            revision=live.revision if live else None, coverage=live.coverage if live else None,
            data=flexibility_of(service.view, node),
        ))  # fmt: skip


def _below(request: Asked, service: Service, name: str, asked: tuple[Any, ...], *, depth: int,
           is_deep: bool) -> Response[Page[Member]]:  # fmt: skip
    as_of, kind, limit, cursor = asked
    node, at_ms, families = service.known(NODE, name), service.instant(as_of), family_of(kind)
    found = service.view.membership.descendants(node, at_ms, depth)
    keys = [(at_depth if is_deep else None, family, one) for at_depth, family, one in found if family in families]
    if is_deep:
        keys.sort(key=lambda key: (key[0] or 0, key[1], key[2]))
    most = within(limit, "limit", PAGE, service.settings.query_page)
    return reply(request, service.members(("below", node, as_of, kind, depth), keys, at_ms, most, cursor))
