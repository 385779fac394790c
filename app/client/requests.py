"""Every question of the query API, as a path, its parameters and the type of its answer."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from app.domain.contracts import LiveAggregate, Transition
from app.query.envelopes import Answer, Page, WindowPage
from app.query.explain import Explanation
from app.query.fleet import Hierarchy, Kind, Level, RejectionPage
from app.query.flexibility import NodeFlexibility
from app.query.members import Member, NodeAnswer
from app.query.states import SiteAnswer
from app.query.status import Status

T = TypeVar("T")


class Question(msgspec.Struct, Generic[T], frozen=True):
    """What to ask and what comes back."""

    path: str
    answer: Any
    parameters: dict[str, str] = {}


def _ask(kind: str, name: str, part: str, answer: Any, parameters: dict[str, Any]) -> Question[Any]:
    given = {key: str(value) for key, value in parameters.items() if value is not None}
    return Question(f"/v1/{kind}/{quote(name, safe='')}{part}", answer, given)


def _ask_all(what: str, answer: Any, filters: dict[str, Any]) -> Question[Any]:
    given = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in filters.items()
             if value is not None}  # fmt: skip
    return Question(f"/v1/{what}", answer, given)


def nodes(**filters: Any) -> Question[Page[Member]]:
    """Ask for nodes: hierarchy, level, prefix, text, roots, limit, cursor."""
    return _ask_all("nodes", Page[Member], filters)


def node(name: str, *, as_of: str | int | None = None) -> Question[Answer[NodeAnswer]]:
    """Ask for a node and where it stands."""
    return _ask("nodes", name, "", Answer[NodeAnswer], {"as_of": as_of})


def site(name: str, *, as_of: str | int | None = None) -> Question[Answer[SiteAnswer]]:
    """Ask for a site, its twin and its states."""
    return _ask("sites", name, "", Answer[SiteAnswer], {"as_of": as_of})


def sites(**filters: Any) -> Question[Page[Member]]:
    """Ask for sites: prefix, text, as_of, limit, cursor."""
    return _ask_all("sites", Page[Member], filters)


def parents(name: str, *, kind: str = "nodes", as_of: str | int | None = None) -> Question[Page[Member]]:
    """Ask for what is directly above a node, or with kind="sites" a site."""
    return _ask(kind, name, "/parents", Page[Member], {"as_of": as_of})


def ancestors(name: str, *, kind: str = "nodes", as_of: str | int | None = None) -> Question[Page[Member]]:
    """Ask for everything above a node, or with kind="sites" a site."""
    return _ask(kind, name, "/ancestors", Page[Member], {"as_of": as_of})


def children(name: str, **parameters: Any) -> Question[Page[Member]]:
    """Ask for what is directly below a node: as_of, type, limit, cursor."""
    return _ask("nodes", name, "/children", Page[Member], parameters)


def descendants(name: str, **parameters: Any) -> Question[Page[Member]]:
    """Ask for everything below a node: as_of, depth, type, limit, cursor."""
    return _ask("nodes", name, "/descendants", Page[Member], parameters)


def live(name: str) -> Question[Answer[LiveAggregate]]:
    """Ask for what a node does now."""
    return _ask("nodes", name, "/live", Answer[LiveAggregate], {})


def windows(name: str, *, kind: str = "nodes", **parameters: Any) -> Question[WindowPage]:
    """Ask for windows of a node, or with kind="sites" of a site: begin, to, window, tz, kinds, status."""
    begin = parameters.pop("begin", None)
    return _ask(kind, name, "/windows", WindowPage, {"from": begin, **parameters})


def explain(name: str, window_start_ms: int | None = None) -> Question[Answer[Explanation]]:
    """Ask what a number is made of."""
    return _ask("nodes", name, "/explain", Answer[Explanation], {"window_start_ms": window_start_ms})


def flexibility(name: str) -> Question[Answer[NodeFlexibility]]:
    """Ask what the storage below a node can take and give."""
    return _ask("nodes", name, "/flexibility", Answer[NodeFlexibility], {})


def transitions(name: str, **parameters: Any) -> Question[Page[Transition]]:
    """Ask for the transitions of a site, newest first."""
    return _ask("sites", name, "/transitions", Page[Transition], parameters)


def all_transitions(**parameters: Any) -> Question[Page[Transition]]:
    """Ask for the transitions of every site, newest first: limit, cursor."""
    return _ask_all("transitions", Page[Transition], parameters)


def rejections(**filters: Any) -> Question[RejectionPage]:
    """Ask for rejected telemetry, newest first: reason, site, limit, cursor."""
    return _ask_all("rejections", RejectionPage, filters)


def hierarchies() -> Question[Page[Hierarchy]]:
    """Ask for the hierarchies and their roots."""
    return _ask_all("hierarchies", Page[Hierarchy], {})


def levels() -> Question[Page[Level]]:
    """Ask for the levels, and how far each is final."""
    return _ask_all("levels", Page[Level], {})


def kinds() -> Question[Page[Kind]]:
    """Ask for the kinds of devices."""
    return _ask_all("kinds", Page[Kind], {})


def status() -> Question[Answer[Status]]:
    """Ask how far everything is."""
    return _ask_all("status", Answer[Status], {})
