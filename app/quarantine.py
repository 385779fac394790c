"""Sites in quarantine, as the topics tell it: which, since when, at which offset, and what was raised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from app import topics
from app.domain.contracts import Transition, TwinUpdated
from app.kafka.clients import read_to_end

_decode_transition = msgspec.json.Decoder(Transition).decode
_decode_twin = msgspec.json.Decoder(TwinUpdated).decode
_STEP = b'"machine":"quarantine"'
_FLAG = b'"quarantined":true'


class Quarantined(NamedTuple):
    """A site that is set aside. Of one that has been for longer than transitions are kept only the site is known."""

    site: str
    partition: int
    since_ms: int | None = None
    offset: int | None = None
    cause: str | None = None


async def quarantined_sites(broker: str, partitions: Iterable[int] | None = None) -> dict[str, Quarantined]:
    """Return the sites that are in quarantine by the newest that the topics say of them, in order of name."""
    partitions = None if partitions is None else list(partitions)
    steps = await _newest_steps(broker, partitions)
    found = {site: _of_step(*step) for site, step in steps.items() if step[1].after == "quarantined"}
    for site, partition in (await _flagged(broker, partitions)).items():
        if site not in steps:
            found[site] = Quarantined(site, partition)
    return dict(sorted(found.items()))


async def _newest_steps(broker: str, partitions: list[int] | None) -> dict[str, tuple[int, Transition]]:
    steps: dict[str, tuple[int, Transition]] = {}
    async for record in read_to_end(broker, topics.TWIN_TRANSITIONED, partitions):
        if record.value is not None and _STEP in record.value:
            step = _decode_transition(record.value)
            if step.site not in steps or step.sequence >= steps[step.site][1].sequence:
                steps[step.site] = record.partition, step
    return steps


async def _flagged(broker: str, partitions: list[int] | None) -> dict[str, int]:
    """Return the sites whose twin is flagged. Twins are many: those that never were are not even decoded."""
    flagged: dict[bytes, tuple[int, int, str]] = {}
    async for record in read_to_end(broker, topics.TWIN_UPDATED, partitions):
        if record.value is None or not (_FLAG in record.value or record.key in flagged):
            continue
        twin = _decode_twin(record.value)
        if twin.revision >= flagged.get(record.key, (-1, 0, ""))[0]:
            flagged[record.key] = (twin.revision, record.partition if twin.quarantined else -1, twin.site)
    return {site: partition for _, partition, site in flagged.values() if partition >= 0}


def _of_step(partition: int, step: Transition) -> Quarantined:
    return Quarantined(step.site, partition, int(step.at_ms), int(step.revision), step.cause)
