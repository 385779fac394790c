"""A bad record of every kind, through the real topic: refused for its reason, bytes kept, neighbours undisturbed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app.domain.contracts import Reason
from app.kafka.broker import LocalBroker
from app.topics import REJECTED, TELEMETRY, TOPOLOGY_SITE, TWIN_TRANSITIONED
from tests.system.plant import MINUTE_MS, ROLES, START_MS, Plant, small_dataset, until
from tests.system.wire import Place, Record, a_reading, ends_of, everything_in, home_of, publish

pytestmark = pytest.mark.broker

POISONED_AT_MS = START_MS + 4 * MINUTE_MS
DAY_MS = 86_400_000
LARGEST = 4 * 1024 * 1024


class Cast(NamedTuple):
    """Who plays: a site and its device, and sites whose partition is the same one and another."""

    site: bytes
    device: str
    same_device: str
    other_device: str
    other: bytes
    partition: int
    elsewhere: int


class Poison(NamedTuple):
    """A bad record, and why it has to be refused."""

    reason: Reason
    record: Record


def choose(plant: Plant) -> Cast:
    sites = [member for member in plant.dataset.topology() if member.type == "site"]
    homes = {member.id: home_of(plant, member.id.encode()) for member in sites}
    first = sites[0]
    same = next(one for one in sites[1:] if homes[one.id] == homes[first.id])
    other = next(one for one in sites if homes[one.id] != homes[first.id])
    return Cast(first.id.encode(), first.devices[0].device, same.devices[0].device, other.devices[0].device,
                other.id.encode(), homes[first.id], homes[other.id])  # fmt: skip


def poison(cast: Cast) -> dict[str, Poison]:
    """Return a bad record of every kind by name, all at one time."""
    at_ms, device, good = POISONED_AT_MS, cast.device, a_reading(cast.device, POISONED_AT_MS)

    def of_site(reason: Reason, value: bytes | None) -> Poison:
        return Poison(reason, Record(cast.site, value, at_ms))

    def with_power(reason: Reason, power: str) -> Poison:
        return of_site(reason, good.replace(b'"active_power_w": 1', b'"active_power_w": ' + power.encode()))

    return {
        "not UTF-8": of_site(Reason.MALFORMED, b'{"device":"\xff\xfe"}'),
        "truncated": of_site(Reason.MALFORMED, good[: len(good) // 2]),
        "10,000 deep": of_site(Reason.MALFORMED, b"[" * 10_000 + b"]" * 10_000),
        "an integer of 10,000 digits": with_power(Reason.MALFORMED, "1" + "0" * 9_999),
        "NaN": with_power(Reason.MALFORMED, "NaN"),
        "Infinity": with_power(Reason.MALFORMED, "Infinity"),
        "1e308": with_power(Reason.OUT_OF_RANGE, "1e308"),
        "text as a number": with_power(Reason.WRONG_TYPE, '"1"'),
        "true as a number": with_power(Reason.WRONG_TYPE, "true"),
        "null as a number": with_power(Reason.WRONG_TYPE, "null"),
        "a key given twice": with_power(Reason.DUPLICATE_KEY, '1, "active_power_w": 2'),
        "a number for a device": of_site(Reason.WRONG_TYPE, good.replace(f'"{device}"'.encode(), b"7")),
        "not an object": of_site(Reason.WRONG_TYPE, b'"reading"'),
        "a missing field": of_site(Reason.MISSING_FIELD, a_reading(device, at_ms, ...)),
        "an empty device": of_site(Reason.EMPTY, a_reading("", at_ms)),
        "an array of 0": of_site(Reason.EMPTY, b"[]"),
        "an array of 1,001": of_site(Reason.TOO_MANY_READINGS, b"[" + b",".join([good] * 1_001) + b"]"),
        "an unknown site": Poison(Reason.UNKNOWN_SITE, Record(b"nobody", good, at_ms)),
        "an unknown device": of_site(Reason.UNKNOWN_DEVICE, a_reading("nobody", at_ms)),
        "a device of a site beside it": of_site(Reason.FOREIGN_DEVICE, a_reading(cast.same_device, at_ms)),
        "a device of a site elsewhere": of_site(Reason.UNKNOWN_DEVICE, a_reading(cast.other_device, at_ms)),
        "no key": Poison(Reason.NO_KEY, Record(None, good, at_ms, cast.partition)),
        "an empty key": Poison(Reason.NO_KEY, Record(b"", good, at_ms, cast.partition)),
        "a tombstone": of_site(Reason.EMPTY, None),
        "an empty value": of_site(Reason.EMPTY, b""),
        "neither key nor value": Poison(Reason.NO_KEY, Record(None, None, at_ms, cast.partition)),
        "a wrong partition": Poison(Reason.WRONG_PARTITION, Record(cast.site, good, at_ms, cast.elsewhere)),
        "too late": of_site(Reason.TOO_LATE, a_reading(device, at_ms - DAY_MS - 1)),
        "in the future": of_site(Reason.FUTURE, a_reading(device, at_ms + 600_001)),
        "1970": of_site(Reason.TOO_LATE, a_reading(device, 0)),
        "2100": of_site(Reason.FUTURE, a_reading(device, 4_102_444_800_000)),
        "seconds for milliseconds": of_site(Reason.TOO_LATE, a_reading(device, at_ms // 1000)),
        "more than 3 times its rated power": of_site(Reason.OUT_OF_RANGE, a_reading(device, at_ms, 100_000)),
        "a negative state of charge": of_site(Reason.OUT_OF_RANGE, a_reading(device, at_ms, state_of_charge_wh=-1)),
        "4 MB and 1 byte": of_site(Reason.TOO_LARGE, b" " * (LARGEST + 1)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a plant in the middle of its dataset; the rest follows when a test asks for it."""
    directory = tmp_path_factory.mktemp("poison")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset"), topology_wait_s=1)
    plant.make_topics()
    with plant.running(*ROLES):
        plant.replay(4)
        yield plant


def rejections(plant: Plant) -> dict[Place, Any]:
    found = {}
    for record in everything_in(plant, REJECTED):
        headers = dict(record.headers)
        found[Place(int(headers["vpp-partition"]), int(headers["vpp-offset"]))] = record
    return found


def until_refused(plant: Plant, *places: Place) -> None:
    until(lambda: rejections(plant).keys() >= set(places), "rejections")


def assert_refused(rejected: Any, name: str, expected: Poison, place: Place) -> None:
    headers = dict(rejected.headers)
    assert headers["vpp-reason"].decode() == expected.reason, name
    assert headers["vpp-key"] == (expected.record.key or b""), name
    assert rejected.value == expected.record.value, name
    assert rejected.key == f"{TELEMETRY}/{place.partition}/{place.offset}".encode(), name
    assert headers["vpp-topic"] == TELEMETRY.encode(), name
    assert 0 < len(headers["vpp-detail"]) <= 1_000, name


def test_every_kind_of_bad_record_is_refused_with_its_reason_and_its_bytes(plant: Plant) -> None:
    bad = poison(choose(plant))
    places = publish(plant, [one.record for one in bad.values()])
    until_refused(plant, *places)
    found = rejections(plant)

    assert found.keys() == set(places)
    for (name, expected), place in zip(bad.items(), places, strict=True):
        assert_refused(found[place], name, expected, place)


def test_the_good_readings_of_an_array_are_kept_and_the_bad_ones_named(plant: Plant) -> None:
    """The good ones are repetitions, so that the truth stays what it is."""
    cast = choose(plant)
    sent = next(one for one in plant.dataset.telemetry() if one.site.encode() == cast.site)
    bad = a_reading("nobody", POISONED_AT_MS)
    value = b"[" + b",".join([bytes(sent.value), bad, bytes(sent.value), b"{}"]) + b"]"
    (place,) = publish(plant, [Record(cast.site, value, POISONED_AT_MS)])
    until_refused(plant, place)
    rejected = rejections(plant)[place]

    assert rejected.value == value
    assert dict(rejected.headers)["vpp-items"] == b"1,3"


def test_headers_and_members_in_fausts_own_names_do_nothing(plant: Plant) -> None:
    cast = choose(plant)
    sent = next(one for one in plant.dataset.telemetry() if one.site.encode() == cast.site)
    marker = Record(cast.site, a_reading("nobody", POISONED_AT_MS), POISONED_AT_MS)
    until_refused(plant, *publish(plant, [marker]))
    before = ends_of(plant, TOPOLOGY_SITE, TWIN_TRANSITIONED)
    headers = (
        ("Faust-Ag-ReplyTo", TOPOLOGY_SITE.encode()), ("Faust-Ag-CorrelationId", b"1"), ("__faust", b'{"ns":"app"}')
    )  # fmt: skip
    faust = bytes(sent.value)[:-1] + b',"__faust":{"ns":"faust.models.record.Record"}}'
    replied, selected, last = publish(plant, [
        Record(cast.site, bytes(sent.value), POISONED_AT_MS, headers=headers),
        Record(cast.site, faust, POISONED_AT_MS),
        marker,
    ])  # fmt: skip
    until_refused(plant, last)

    assert ends_of(plant, TOPOLOGY_SITE, TWIN_TRANSITIONED) == before
    assert not {replied, selected} & rejections(plant).keys()


def test_the_neighbours_of_bad_records_are_exact_and_every_record_is_accounted_for(plant: Plant) -> None:
    before = [plant.worker(role).pid for role in ROLES]
    publish(plant, [one.record for one in poison(choose(plant)).values()])
    plant.replay()
    report = plant.assert_exact()

    assert [plant.worker(role).pid for role in ROLES] == before
    assert set(report.reasons) == set(Reason) - {Reason.INTERNAL_ERROR}
