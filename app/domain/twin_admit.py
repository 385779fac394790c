"""Which readings of a record are folded, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.contracts import Reading, Reason
from app.domain.rows import Record
from app.domain.sayings import Rejected
from app.domain.site import Device, Site
from app.domain.telemetry import Refusal, admission_fault, parse
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds

MAX_DETAIL = 1_000


class UnknownToTopology(Exception):
    """A site or a device is not known: topology has to be read to its end before that is held against it."""


class Admission:
    """Judges the records of one partition; `settled` tells whether topology was read to its end for them."""

    def __init__(self, state: TwinState) -> None:
        self.state = state
        self.settled = False
        self._owners: dict[str, str] | None = None

    def forget(self) -> None:
        """Drop the index of devices: the topology changed."""
        self._owners = None

    def admit(self, record: Record) -> tuple[Site | None, list[tuple[Device, Reading]]]:
        """Return the site and the readings of it to be folded; what is refused is noted as rejected."""
        key, value = record.key, record.value
        if not key:
            return self._refuse(record, Reason.NO_KEY, "the key is empty; expected the site id")
        if not value:
            return self._refuse(record, Reason.EMPTY, "the value is empty; expected a reading or an array of readings")
        readings, refusals = parse(value)
        if not readings:
            return self._refuse_items(record, refusals, 0)
        site = self._site(key)
        if site is None:
            return self._refuse(record, *self._why_unknown(key), count=len(readings))
        admitted = self._judge(record, site, readings, refusals)
        if refusals:
            self._refuse_items(record, refusals, len(admitted) + len(refusals))
        return site, admitted

    def _site(self, key: bytes) -> Site | None:
        try:
            site = self.state.sites.get(key.decode())
        except UnicodeDecodeError:
            return None
        if (site is None or site.record is None) and not self.settled:
            raise UnknownToTopology
        return site if site is not None and site.record is not None else None

    def _why_unknown(self, key: bytes) -> tuple[Reason, str]:
        home = self.state.partition_of(key)
        if home != self.state.partition:
            return Reason.WRONG_PARTITION, (
                f"partition {self.state.partition}, but murmur2 puts this key into {home}; "
                "set the producer's partitioner to murmur2_random (librdkafka's default is CRC32)"
            )
        return Reason.UNKNOWN_SITE, "no such site in topology.site; apply its topology, then send again"

    def _judge(
        self, record: Record, site: Site, readings: Sequence[tuple[int, Reading]], refusals: list[Refusal]
    ) -> list[tuple[Device, Reading]]:
        admitted = []
        for item, reading in readings:
            device = site.devices.get(reading.device)
            fault = self._fault(record, site, device, reading)
            if fault is not None or device is None:
                refusals.append(Refusal(*(fault or (Reason.UNKNOWN_DEVICE, "")), (item,)))
            else:
                admitted.append((device, reading))
        return admitted
