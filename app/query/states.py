"""The states of a site and of its devices: since when, and why."""

from __future__ import annotations

import msgspec

from app.domain.contracts import SiteRecord, Transition, TwinUpdated
from app.query.history import read_owned
from app.query.members import Member, twin_of
from app.query.open_windows import OpenWindow
from app.query.rows import SITE, TRANSITION, unpack
from app.query.view import View

LOOKED_AT = 1000
_read = msgspec.json.Decoder(Transition).decode


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A state, since when, and what brought it about; null where that is older than what is kept."""

    device: str | None
    machine: str
    state: str
    since_ms: int | None
    cause: str | None
    sequence: int | None


class SiteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A site, what is above it, its record as applied, its twin, since when it is in its states, what is open."""

    site: Member
    ancestors: list[Member]
    record: SiteRecord
    twin: TwinUpdated | None
    states: list[Standing]
    open_windows: list[OpenWindow] = []


def states_of(view: View, site: str) -> list[Standing]:
    """Return the states that a twin is in, with the transitions that led there."""
    twin = twin_of(view, site)
    if twin is None:
        return []
    latest: dict[tuple[str, str | None], Transition] = {}
    rows = read_owned(view.rows, TRANSITION, SITE, site, view.newest_day, view.retention_days, None)
    for _, (_, row) in zip(range(LOOKED_AT), rows, strict=False):
        step = _read(unpack(row).value)
        latest.setdefault((step.machine, step.device), step)
    wanted: list[tuple[str, str | None, str]] = [("connectivity", None, twin.connectivity)]
    wanted += [("operation", one.device, one.operation) for one in twin.devices if one.operation is not None]
    wanted += [("quarantine", None, "quarantined")] if twin.quarantined else []
    return [_state(machine, device, word, latest.get((machine, device))) for machine, device, word in wanted]


def _state(machine: str, device: str | None, word: str, step: Transition | None) -> Standing:
    is_its = step is not None and (step.after == word or machine == "quarantine")
    if step is None or not is_its:
        return Standing(device=device, machine=machine, state=word, since_ms=None, cause=None, sequence=None)
    return Standing(device=device, machine=machine, state=word, since_ms=int(step.at_ms), cause=step.cause,
                 sequence=step.sequence)  # fmt: skip
