"""Answers: an envelope that says how old they are, and a tag that says whether they are as before."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from litestar import Request, Response

JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def reply(request: Request[Any, Any, Any], found: Any) -> Response[Any]:
    """Return an answer, or 304 if the asker has it; its age is in a header then."""
    tag = tag_of(found)
    headers = {"ETag": tag, "Cache-Control": "no-cache", **_age_headers(found)}
    if tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(b"", status_code=304, headers=headers, media_type=JSON)
    return Response(_encode(found), headers=headers, media_type=JSON)


def tag_of(found: Any) -> str:
    """Return a weak tag: age is not part of what is compared."""
    ageless = msgspec.structs.replace(found, age_s=None)
    return f'W/"{hashlib.blake2b(_encode(ageless), digest_size=9).hexdigest()}"'


def _age_headers(found: Any) -> dict[str, str]:
    return {"VPP-Age-S": f"{found.age_s:g}"} if found.age_s is not None else {}
