"""What surrounds every answer: how old it is, how much it rests on."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from app.query.coverage import Coverage
from app.query.windows import WindowAnswer

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One thing: `as_of_ms` is stream time, `age_s` how long ago the owning partition wrote.

    `is_stale`: not all of what was promised by now is in it; `stale_reason` says why.
    """

    as_of_ms: int | None
    age_s: float | None
    is_stale: bool = False
    stale_reason: str | None = None
    revision: int | None = None
    coverage: Coverage | None = None
    data: T


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list, or a part of it: give `next` back as `cursor`."""

    as_of_ms: int | None
    age_s: float | None
    is_stale: bool = False
    stale_reason: str | None = None
    items: list[T]
    next: str | None = None


class WindowPage(msgspec.Struct, frozen=True, kw_only=True):
    """Windows in order; one of which nothing is known is not there."""

    as_of_ms: int | None
    age_s: float | None
    is_stale: bool = False
    stale_reason: str | None = None
    window: str
    window_s: int
    tz: str
    items: list[WindowAnswer]
    next: str | None = None
