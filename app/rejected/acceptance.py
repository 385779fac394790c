"""Whether a rejected record would be accepted now: judged by the worker's own rules, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from app.domain.contracts import Reason
from app.domain.rules import Rules
from app.domain.site import Site
from app.domain.topology import Topology
from app.domain.topology_faults import usable
from app.domain.twin_admit import Admission
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds
from app.rejected.rejections import Rejection

ALL = -1
"""In place of indexes: the whole record."""


class Arrival(NamedTuple):
    """A rejected record as it would come again; the same fields as a consumed one."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes | None


class NoRows:
    """Judging a record reads no row."""

    def get(self, _table: str, _key: bytes) -> None:
        """Find nothing."""

    def scan(self, _table: str, _start: bytes, _end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Find nothing."""
        return iter(())


class Acceptance:
    """Judges records of one partition by a topology, as of a time at which they would arrive."""

    def __init__(
        self, partition: int, rules: Rules, partition_of: Callable[[bytes], int], topology: Topology,
        quarantined: Set[str], at_ms: int,
    ) -> None:  # fmt: skip
        self._state = TwinState(partition, rules, partition_of, NoRows())
        self._state.topology = topology
        self._state.clock.advance(Milliseconds(at_ms))
        self._admission = Admission(self._state)
        self._admission.settled = True
        self._quarantined = quarantined
        self._at_ms = at_ms

    def refused(self, one: Rejection) -> str | None:
        """Return why a replay would change nothing, or None if a reading that was rejected would be accepted."""
        name = one.site.decode(errors="replace")
        if name in self._quarantined:
            return Reason.INTERNAL_ERROR
        self._know(name)
        self._state.rejections = []
        _, admitted = self._admission.admit(Arrival(0, self._at_ms, one.site, one.value), Milliseconds(self._at_ms))
        if not self._state.rejections:
            return None
        (rejected,) = self._state.rejections
        still = set(rejected.items) if rejected.items and admitted else {ALL}
        is_mended = ALL not in still and (not one.items or not set(one.items) <= still)
        return None if is_mended else str(rejected.reason)

    def _know(self, name: str) -> None:
        record = self._state.topology.sites.get(name)
        if name not in self._state.sites and record is not None:
            site = self._state.sites[name] = Site(name)
            site.describe(usable(record), self._state.rules)
