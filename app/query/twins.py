"""What the view holds of sites: twins and transitions on disk, storage in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from app.query.clocks import Clocks
from app.query.events import Event, event_data
from app.query.rows import (
    SITE,
    TRANSITION,
    TRANSITIONS,
    TWIN,
    Draft,
    Held,
    after,
    dated_key,
    feed_key,
    name_of,
    named_key,
    pack,
    replaces,
    unpack,
)


class Stored(NamedTuple):
    """The latest state of charge of a device, and when it was measured."""

    state_of_charge_wh: int
    at_ms: int


class _Device(msgspec.Struct, frozen=True, gc=False):
    device: str
    measured_at_ms: int | None
    heard_at_ms: int | None
    state_of_charge_wh: int | None


class _Twin(msgspec.Struct, frozen=True, gc=False):
    site: str
    revision: int
    as_of_ms: int
    devices: list[_Device]


class _Step(msgspec.Struct, frozen=True, gc=False):
    site: str
    at_ms: int
    sequence: int
    revision: int


_twin = msgspec.json.Decoder(_Twin).decode
_step = msgspec.json.Decoder(_Step).decode


class Twins:
    """The newest twin of every site, its transitions, and the storage that flexibility needs."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.stored: dict[str, dict[str, Stored]] = {}

    def restore(self) -> None:
        """Bring back what is in memory."""
        for key, row in self._draft.rows.scan(TWIN, after(TWIN)):
            self._remember(name_of(key), _twin(unpack(row).value))

    def take_twin(self, record: Any, clocks: Clocks) -> Iterator[Event]:
        """Take in a whole twin; None removes it."""
        if record.value is None:
            return
        twin = _twin(record.value)
        held = Held(twin.revision, record.timestamp, record.value)
        is_kept, _ = replaces(self._draft, named_key(TWIN, twin.site), held)
        if not is_kept:
            return
        self._draft.put(named_key(TWIN, twin.site), pack(held))
        clocks.stream("twin", record.partition, twin.as_of_ms)
        self._remember(twin.site, twin)
        data = event_data({"site": twin.site}, record.value)
        yield Event("twin", ("twin", twin.site), (), (twin.site,), data, record.timestamp)

    def take_transition(self, record: Any, clocks: Clocks) -> Iterator[Event]:
        """Take in a transition; one that was said before says nothing new."""
        if record.value is None:
            return
        step = _step(record.value)
        key = dated_key(TRANSITION, step.at_ms, SITE, step.site, step.sequence)
        clocks.stream("twin", record.partition, step.at_ms)
        if self._draft.get(key) is not None:
            return
        self._draft.put(key, pack(Held(step.revision, record.timestamp, record.value)))
        self._draft.put(feed_key(TRANSITIONS, step.at_ms, key), key)
        yield transition_event(Held(step.revision, record.timestamp, record.value))

    def _remember(self, site: str, twin: _Twin) -> None:
        stored = {one.device: Stored(one.state_of_charge_wh, min(one.measured_at_ms, one.heard_at_ms))
                  for one in twin.devices if one.state_of_charge_wh is not None
                  and one.measured_at_ms is not None and one.heard_at_ms is not None}  # fmt: skip
        if stored:
            self.stored[site] = stored
        else:
            self.stored.pop(site, None)


def transition_event(held: Held) -> Event:
    """Return what a stream tells of a transition."""
    step = _step(held.value)
    name = ("transition", step.site, str(step.sequence))
    return Event("transition", name, (), (step.site,), event_data({"site": step.site}, held.value), held.recorded_ms)
