"""Answers: an envelope that says how old they are, and a tag that says whether they are as before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response

JSON = "application/json"
CSV = "text/csv"
NO_AGE = b'"age_s":null'
"""The first of an answer is its own: only numbers go before it."""
_encode = msgspec.json.Encoder().encode


def reply(request: Request[Any, Any, Any], found: Any, *, lines: Callable[[Any], bytes] | None = None) -> Response[Any]:
    """Return an answer, as JSON or as *lines*, or 304 if the asker has it; its age is in a header then."""
    form = JSON if lines is None else CSV
    ageless = _encode(msgspec.structs.replace(found, age_s=None))
    tag = _tag(ageless, form)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept", **_age_headers(found)}
    if tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(b"", status_code=304, headers=headers, media_type=form)
    body = ageless.replace(NO_AGE, b'"age_s":%s' % _encode(found.age_s), 1) if lines is None else lines(found)
    return Response(body, headers=headers, media_type=form)


def _tag(ageless: bytes, form: str) -> str:
    """Return a weak tag of an answer in a form: age is not part of what is compared, whether it is stale is."""
    return f'W/"{hashlib.blake2b(ageless, digest_size=9, key=form.encode()).hexdigest()}"'


def _age_headers(found: Any) -> dict[str, str]:
    age = {"VPP-Age-S": f"{found.age_s:g}"} if found.age_s is not None else {}
    return {**age, "VPP-Stale": found.stale_reason} if found.is_stale else age
