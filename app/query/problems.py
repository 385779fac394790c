"""What an asker is told when there is no answer: RFC 9457, with a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """application/problem+json."""

    title: str
    status: int
    detail: str
    remedy: str
    type: str = "about:blank"
    near: tuple[str, ...] = ()


class ProblemError(Exception):
    """Ends a request with a status, what was seen and what to do."""

    def __init__(self, status: int, detail: str, remedy: str, *, near: Sequence[str] = (),
                 retry_after_s: int | None = None) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.retry_after_s = retry_after_s
        self.body = ProblemBody(HTTPStatus(status).phrase, status, detail, remedy, near=tuple(near))
