"""Which readings of a record are folded, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.contracts import Reason
from app.domain.reading import Reading
from app.domain.rows import Record
from app.domain.sayings import Rejected
from app.domain.site import Device, Site
from app.domain.telemetry import Refusal, admission_fault, combine, parse, plain_reading
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Watts

MAX_DETAIL = 1_000
OFF_TIME = (Reason.FUTURE, Reason.TOO_LATE)


class UnknownToTopologyError(Exception):
    """A site or a device is not known: topology has to be read to its end before that is held against it."""


class Admission:
    """Judges the records of one partition; `settled` tells whether topology was read to its end for them."""

    def __init__(self, state: TwinState) -> None:
        self.state = state
        self.settled = False
        self.off_time: list[tuple[Device, Milliseconds]] = []
        """Of the record admitted last: devices whose readings were refused for their time, and when they measured."""

        self._owners: dict[str, str] | None = None
        self._sites: dict[bytes, Site] = {}

    def forget(self) -> None:
        """Drop the indexes: the topology changed."""
        self._owners = None
        self._sites = {}

    def admit(self, record: Record, record_ms: Milliseconds) -> tuple[Site | None, list[tuple[Device, Reading]]]:
        """Return the site and the readings of it to be folded; what is refused is noted as rejected."""
        key, value = record.key, record.value
        if self.off_time:
            self.off_time = []
        if not key or not value:
            self.refuse(record, *_fault_of_bytes(record))
            return None, []
        reading = plain_reading(value)
        if reading is not None and (found := self._device(record_ms, key, reading)) is not None:
            return found.site, [(found, reading)]
        readings, refusals = parse(value)
        site = self._site(key) if readings else None
        admitted = self._judge(record_ms, site, readings, refusals) if site is not None else []
        if readings and site is None:
            self.refuse(record, *self._why_unknown(key), count=len(readings) + len(refusals))
        elif refusals:
            self._refuse_items(record, refusals)
        return site, admitted

    def _device(self, record_ms: Milliseconds, key: bytes, reading: Reading) -> Device | None:
        """Return the device of a reading that is admitted as it is."""
        site = self._site(key)
        device = None if site is None else site.named.get(reading.device) if site.named is not None else site.first
        if device is not None and device.name != reading.device:
            return None
        is_admitted = (
            device is not None and device.record is not None and self._fault(record_ms, device, reading) is None
        )
        return device if is_admitted else None

    def refuse(self, record: Record, reason: Reason, detail: str, *, count: int = 1) -> None:
        """Note that a whole record, of *count* readings, is rejected."""
        self.state.count_rejected([reason] * count)
        self.state.rejections.append(Rejected(record, reason, detail[:MAX_DETAIL], ()))

    def _refuse_items(self, record: Record, refusals: list[Refusal]) -> None:
        """Note that some readings are rejected; one message names them all."""
        for refusal in refusals:
            self.state.count_rejected([refusal.reason] * max(1, len(refusal.items)))
        one = combine(sorted(refusals, key=lambda refusal: refusal.items))
        self.state.rejections.append(Rejected(record, *one))

    def _site(self, key: bytes) -> Site | None:
        held = self._sites.get(key)
        if held is not None:
            return held
        site = self.state.sites.get(key.decode(errors="replace"))
        if site is not None and site.record is not None and site.key == key:
            self._sites[site.key] = site
            return site
        if not self.settled:
            raise UnknownToTopologyError
        return None

    def _why_unknown(self, key: bytes) -> tuple[Reason, str]:
        home = self.state.partition_of(key)
        if home == self.state.partition:
            return Reason.UNKNOWN_SITE, "no such site in topology.site; apply its topology, then send again"
        return Reason.WRONG_PARTITION, (
            f"sent to partition {self.state.partition}, murmur2 of the key says {home}; set the producer's "
            "partitioner to murmur2_random (librdkafka's default is CRC32)"
        )

    def _judge(
        self, record_ms: Milliseconds, site: Site, readings: Sequence[tuple[int, Reading]], refusals: list[Refusal]
    ) -> list[tuple[Device, Reading]]:
        admitted = []
        for item, reading in readings:
            device = site.device(reading.device)
            if device is None or device.record is None:
                refusals.append(Refusal(*self._why_unknown_device(site, reading.device), (item,)))
            elif (fault := self._fault(record_ms, device, reading)) is not None:
                refusals.append(Refusal(*fault, (item,)))
                if fault[0] in OFF_TIME:
                    self.off_time.append((device, reading.measured_at_ms))
            else:
                admitted.append((device, reading))
        return admitted

    def _fault(self, record_ms: Milliseconds, device: Device, reading: Reading) -> tuple[Reason, str] | None:
        limit_w, power_w = device.too_much_w, reading.active_power_w
        if limit_w > Watts(0) and not -limit_w <= power_w <= limit_w:
            return Reason.OUT_OF_RANGE, (
                f"{device.name} reported {power_w} W; at most {limit_w} W either way "
                f"({self.state.rules.plausible_factor} x rated power); correct its rated_power_w if that is wrong"
            )
        state, stream_ms = self.state, self.state.clock.stream_ms
        if stream_ms - state.horizon_ms < reading.measured_at_ms <= record_ms:
            return None
        return admission_fault(reading.measured_at_ms, record_ms, stream_ms, state.rules)

    def _why_unknown_device(self, site: Site, device: str) -> tuple[Reason, str]:
        if not self.settled:
            raise UnknownToTopologyError
        owner = self._owner(device)
        if owner is not None:
            return Reason.FOREIGN_DEVICE, f"{device!r} belongs to site {owner!r}; send it under that key"
        return (
            Reason.UNKNOWN_DEVICE,
            f"{device!r} is not a device of {site.name!r}; apply its topology, then send again",
        )

    def _owner(self, device: str) -> str | None:
        """Return the site of this partition that has a device; indexed when first asked for."""
        if self._owners is None:
            sites = self.state.topology.sites.items()
            self._owners = {one.device: name for name, record in sites for one in record.devices}
        return self._owners.get(device)


def _fault_of_bytes(record: Record) -> tuple[Reason, str]:
    if not record.key:
        return Reason.NO_KEY, "the key is empty; expected the site id (a tick has an empty value, too)"
    return Reason.EMPTY, "the value is empty; expected a reading or an array of readings"
