"""Whatever schemathesis makes of the OpenAPI document, the answer is one that the document describes."""

from __future__ import annotations

import os
import warnings
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.query_asker import Asker, a_service, some_records

CASES = int(os.environ.get("QUERY_CASES", "10"))
"""Of every route and mode; `make test` asks for two thousand in all, `make fuzz-query` for more."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NODE, SITE = "/v1/nodes/{name}", "/v1/sites/{name}"
ROUTES = [
    "/v1/nodes", NODE, f"{NODE}/ancestors", f"{NODE}/children", f"{NODE}/descendants", f"{NODE}/explain",
    f"{NODE}/flexibility", f"{NODE}/live", f"{NODE}/parents", f"{NODE}/windows",
    "/v1/sites", SITE, f"{SITE}/ancestors", f"{SITE}/parents", f"{SITE}/transitions", f"{SITE}/windows",
    "/v1/hierarchies", "/v1/kinds", "/v1/levels", "/v1/rejections", "/v1/status", "/v1/transitions",
]  # fmt: skip
ENDLESS = ["/v1/stream"]
NOTHING_TO_GET_WRONG = [
    f"{NODE}/flexibility",
    f"{NODE}/live",
    "/v1/hierarchies",
    "/v1/kinds",
    "/v1/levels",
    "/v1/status",
]
TRIED = [(path, mode) for path in ROUTES for mode in GenerationMode
         if mode is GenerationMode.POSITIVE or path not in NOTHING_TO_GET_WRONG]  # fmt: skip
KNOWN = st.none() | st.sampled_from(["n", "s", "top"])
"""Ids that are made up are unknown; some cases have to get beyond that."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give every operation by its path."""
    asker = Asker(a_service(tmp_path_factory.mktemp("schema"), *some_records()))
    api = schemathesis.openapi.from_asgi("/v1/openapi.json", asker.application)
    return {one.ok().path: one.ok() for one in api.get_all_operations()}


def test_every_route_is_tried_below(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted([*ROUTES, *ENDLESS])


@pytest.mark.parametrize(("path", "mode"), TRIED)
def test_every_answer_is_as_it_is_described(operations: dict[str, Any], path: str, mode: GenerationMode) -> None:
    operation = operations[path]

    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), name=KNOWN)
    def ask(case: Any, name: str | None) -> None:
        if name is not None and "name" in case.path_parameters:
            case.path_parameters["name"] = name
        case.call_and_validate(checks=CHECKS)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask()
