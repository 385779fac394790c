"""A replay's bad records that are bad beside what else there is: refused for their reason, or told as a conflict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.contracts import Reason
from app.domain.telemetry import MAX_VALUE_BYTES
from app.kafka.broker import LocalBroker
from app.topics import REJECTED, TELEMETRY
from tests.system import plant as plants
from tests.system.plant import ROLES, Plant, small_dataset
from tests.system.wire import everything_in, home_of

pytestmark = pytest.mark.broker

FOREIGN = {Reason.FOREIGN_DEVICE, Reason.UNKNOWN_DEVICE}
"""Of a site beside it; of one in another partition, of which a worker does not know."""
EXPECTED = {
    "wrong partition": {Reason.WRONG_PARTITION},
    "foreign device": FOREIGN,
    "4 MB and 1 byte": {Reason.TOO_LARGE},
}


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("replay-poison")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", minutes=4), topology_wait_s=0.2)
    plant.make_topics()
    with plant.running(*ROLES):
        yield plant


def kinds(plant: Plant) -> dict[tuple[int, int], str]:
    """Return the place of every record that is of such a kind, told by what lies in the topic itself."""
    owner = {device.device: site.id.encode() for site in plant.dataset.topology() if site.type == "site"
             for device in site.devices}  # fmt: skip
    return {(one.partition, one.offset): kind for one in everything_in(plant, TELEMETRY)
            if one.key and (kind := _kind(plant, one, owner))}  # fmt: skip


def _kind(plant: Plant, record: Any, owner: dict[str, bytes]) -> str | None:
    if len(record.value) > MAX_VALUE_BYTES:
        return "4 MB and 1 byte"
    if home_of(plant, record.key) != record.partition:
        return "wrong partition"
    try:
        whose = owner.get(json.loads(record.value)["device"], record.key)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return None if whose == record.key else "foreign device"


def test_each_kind_has_its_outcome_and_every_row_is_exact(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plants, "DISTURBED", plants.DISTURBED._replace(poison=0.3))
    plant.replay()
    report = plant.assert_exact()
    found = kinds(plant)
    refused = {(int(headers["vpp-partition"]), int(headers["vpp-offset"])): headers["vpp-reason"].decode()
               for one in everything_in(plant, REJECTED) for headers in [dict(one.headers)]}  # fmt: skip
    reasons = {place: refused.get(place) for place in found}

    assert set(Counter(found.values())) == set(EXPECTED)
    assert [(kind, reasons[place]) for place, kind in found.items() if reasons[place] not in EXPECTED[kind]] == []
    assert sum(ledger.conflicting for ledger in report.ledgers.values()) > 10
