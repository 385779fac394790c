"""What a check found: nothing, faults with their remedies, or that it could not look."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["well", "fault", "unknown"]
CHECKS = (
    "settings",
    "disk",
    "broker",
    "topics",
    "changelogs",
    "clock",
    "workers",
    "partitions",
    "offsets",
    "watermark",
)
"""In the order in which they are told."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be."""

    subject: str
    seen: str
    remedy: str


class Checked(msgspec.Struct, frozen=True):
    """A check and what it found; of one that could not look, why."""

    check: str
    status: Status
    findings: tuple[Finding, ...] = ()
    detail: str = ""


class Report(msgspec.Struct, frozen=True):
    """Every check once, in order."""

    healthy: bool
    checks: tuple[Checked, ...]
    schema: int = 1


def checked(check: str, findings: list[Finding], detail: str = "") -> Checked:
    """Return a check that could look."""
    return Checked(check, "fault" if findings else "well", tuple(findings), detail)


def unknown(check: str, why: str) -> Checked:
    """Return a check that could not."""
    return Checked(check, "unknown", (), why)


def report(found: list[Checked]) -> Report:
    """Return the whole; what was not reached is unknown."""
    by_name = {one.check: one for one in found}
    checks = tuple(by_name.get(name) or unknown(name, "not reached") for name in CHECKS)
    return Report(all(one.status != "fault" for one in checks), checks)
