"""What every route may answer instead, as OpenAPI has it."""

from __future__ import annotations

from litestar.openapi.datastructures import ResponseSpec

from app.query.problems import ProblemBody

PROBLEM = "application/problem+json"
MEANINGS = {
    400: "A parameter is none that is allowed",
    404: "There is nothing of this name",
    429: "Too many streams of one address",
    503: "The view is not yet read, or too many streams are open",
}
PROBLEMS = {
    status: ResponseSpec(ProblemBody, description=meaning, media_type=PROBLEM, generate_examples=False)
    for status, meaning in MEANINGS.items()
}
