"""The web application: routes, problems, limits, and the page."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import CacheControlHeader, State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router

from app.query import routes_fleet as fleet
from app.query.problems import ProblemBody, ProblemError
from app.query.refusals import PROBLEM
from app.query.routes_nodes import Nodes
from app.query.routes_sites import Sites
from app.query.routes_stream import stream
from app.query.service import RETRY_S, Service
from app.query.shell import Shell
from app.query.status import metrics_text
from app.query.store import DamagedError

PAGE = Path(__file__).parent / "page"
REFERENCE = Path(__file__).parent / "reference"
COMPRESSED_FROM_BYTES = 1000
VERSION = "1"

Asked = Request[Any, Any, State]


@get("/healthz", sync_to_thread=False, include_in_schema=False)
def healthz(state: State) -> dict[str, Any]:
    """Say that the process answers."""
    return {"status": "alive", "behind_records": state.service.source.behind_records}


@get("/readyz", sync_to_thread=False, include_in_schema=False)
def readyz(state: State) -> Response[dict[str, Any]]:
    """Say whether the view has caught up with what was there at the start."""
    source = state.service.source
    status, code = ("ready", 200) if source.is_ready else ("reading", 503)
    reason = {} if source.is_ready else {"reason": source.trouble}
    return Response({"status": status, "behind_records": source.behind_records, **reason}, status_code=code)


@get("/metrics", sync_to_thread=False, include_in_schema=False, media_type="text/plain; version=0.0.4")
def metrics(state: State) -> str:
    """Say how far everything is, as Prometheus reads it."""
    return metrics_text(state.service)


def make_application(service: Service) -> Shell:
    """Return the application of one replica."""
    version_1 = Router(
        "/v1",
        route_handlers=[Nodes, Sites, fleet.hierarchies, fleet.levels, fleet.kinds, fleet.transitions,
                        fleet.rejections, stream],
        before_request=_require_ready,
    )  # fmt: skip
    origins = [one for one in service.settings.query_cors.split(",") if one]
    app = Litestar(
        [version_1, Router("/v1", route_handlers=[fleet.status]), healthz, readyz, metrics,
         _files("/reference", REFERENCE), _files("/", PAGE)],
        state=State({"service": service}),
        exception_handlers={ProblemError: _tell_problem, DamagedError: _tell_damage, HTTPException: _tell_refusal,
                            Exception: _tell_fault},
        compression_config=CompressionConfig("gzip", minimum_size=COMPRESSED_FROM_BYTES, exclude="/v1/stream"),
        cors_config=CORSConfig(allow_origins=origins, allow_methods=["GET"]) if origins else None,
        openapi_config=OpenAPIConfig(
            "Gridtwin query", VERSION, description="Any node and any site, up and down, now and then.", path="/v1",
            use_handler_docstrings=True, render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        request_max_body_size=1000, logging_config=None,
    )  # fmt: skip
    return Shell(app)


def _files(path: str, directory: Path) -> Router:
    """Serve files that a browser keeps, but asks for each time whether they changed."""
    return create_static_files_router(
        path, [directory], html_mode=True, name=directory.name, cache_control=CacheControlHeader(no_cache=True)
    )


async def _require_ready(request: Asked) -> None:
    """Be asynchronous though nothing is waited for: what is not, Litestar gives to a thread, for every question."""
    request.app.state.service.require_ready()


def _tell_problem(_: Asked, error: ProblemError) -> Response[bytes]:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    return _problem(error.body, headers)


def _tell_damage(request: Asked, error: DamagedError) -> Response[bytes]:
    request.app.state.service.source.note_damage(error)
    body = ProblemBody("Service Unavailable", 503, "the view on disk is damaged, and is being built again",
                       "ask again, or another replica")  # fmt: skip
    return _problem(body, {"Retry-After": str(RETRY_S)})


def _tell_refusal(request: Asked, error: HTTPException) -> Response[bytes]:
    faults = [f"{one.get('key')}: {one.get('message')}" for one in error.extra or [] if isinstance(one, dict)]
    remedies = {404: "see /v1/openapi.json for what there is", 405: "ask with GET", 400: "; ".join(faults),
                413: "send no body"}  # fmt: skip
    detail = f"{request.method} {request.url.path[:200]}: {str(error.detail)[:300]}"
    remedy = remedies.get(error.status_code) or "see /v1/openapi.json"
    body = ProblemBody(HTTPStatus(error.status_code).phrase, error.status_code, detail, remedy)
    return _problem(body, dict(error.headers or {}))


def _tell_fault(request: Asked, error: Exception) -> Response[bytes]:
    request.app.state.service.log_fault(request.url.path, error)
    return _problem(ProblemBody("Internal Server Error", 500, "a fault of the query role", "report it with the trace "
                                "in its log"), {})  # fmt: skip


def _problem(body: ProblemBody, headers: dict[str, str]) -> Response[bytes]:
    return Response(msgspec.json.encode(body), status_code=body.status, media_type=PROBLEM, headers=headers)
