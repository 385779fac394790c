"""The fleet as answers: hierarchies, levels, kinds, what was rejected."""

from __future__ import annotations

import msgspec

from app.query.rejections import Rejected


class Hierarchy(msgspec.Struct, frozen=True):
    hierarchy: str
    nodes: int
    roots: list[str]
    levels: list[str]


class Level(msgspec.Struct, frozen=True):
    level: str
    hierarchy: str
    nodes: int
    newest_final_window_ms: int | None


class Kind(msgspec.Struct, frozen=True):
    kind: str
    devices: int
    rated_power_w: int


class RejectionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the view began, the latest of each reason, and a list, newest first."""

    as_of_ms: int | None
    age_s: float | None
    is_stale: bool = False
    stale_reason: str | None = None
    counts: dict[str, int]
    latest: dict[str, Rejected]
    items: list[Rejected]
    next: str | None = None
