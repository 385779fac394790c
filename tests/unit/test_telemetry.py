"""Telemetry that is good; what is refused is in test_telemetry_bad_input."""

import json

import pytest

from app.domain.contracts import Reading
from app.domain.telemetry import MAX_VALUE_BYTES, parse

GIVEN = {"device": "d", "measured_at_ms": 1_464_739_200_000, "active_power_w": -122}


def accepted(value: bytes) -> list[Reading]:
    """Return the readings as records, which compare by their values."""
    readings, refusals = parse(value)
    assert refusals == []
    return [Reading(*(getattr(one, name) for name in Reading.__struct_fields__)) for _, one in readings]


def test_a_reading_needs_only_device_time_and_power():
    assert accepted(json.dumps(GIVEN).encode()) == [Reading("d", 1_464_739_200_000, -122)]


def test_the_optional_members_are_kept():
    more = {"reactive_power_var": -1, "state_of_charge_wh": 2, "energy_import_wh": 10, "energy_export_wh": 20}

    assert accepted(json.dumps(GIVEN | more).encode()) == [Reading("d", 1_464_739_200_000, -122, -1, 2, 10, 20)]


def test_an_optional_member_that_is_null_is_not_known():
    assert accepted(json.dumps(GIVEN | {"state_of_charge_wh": None}).encode())[0].state_of_charge_wh is None


def test_unknown_members_are_ignored():
    more = {"voltage_v": 230.1, "gateway": {"serial": "x", "errors": [1, None]}}

    assert accepted(json.dumps(GIVEN | more).encode()) == [Reading("d", 1_464_739_200_000, -122)]


@pytest.mark.parametrize(
    ("number", "power_w"),
    [
        ("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("-1.5", -2), ("-2.5", -2), ("0.49", 0), ("0.51", 1),
        ("-0.0", 0), ("-0", 0), ("1e1", 10), ("1.25e1", 12), ("1E-400", 0), ("10000000000", 10**10),
        ("0.5000000000000000000000000000000000001", 1), ("10000000000.4", 10**10),
    ],
)  # fmt: skip
def test_a_decimal_is_rounded_half_to_even_to_the_watt(number, power_w):
    value = b'{"device":"d","measured_at_ms":1,"active_power_w":%s}' % number.encode()

    assert accepted(value) == [Reading("d", 1, power_w)]
    assert type(accepted(value)[0].active_power_w) is int


@pytest.mark.parametrize("member", ["reactive_power_var", "state_of_charge_wh", "energy_import_wh", "energy_export_wh"])
def test_every_optional_quantity_is_rounded_alike(member):
    value = b'{"device":"d","measured_at_ms":1,"active_power_w":1,"%s":2.5}' % member.encode()

    assert getattr(accepted(value)[0], member) == 2


def test_an_array_gives_every_reading_with_its_index():
    value = json.dumps([GIVEN | {"device": name} for name in ("a", "b", "c")]).encode()

    assert [(index, reading.device) for index, reading in parse(value)[0]] == [(0, "a"), (1, "b"), (2, "c")]


def test_an_array_may_hold_a_thousand_readings():
    assert len(accepted(json.dumps([GIVEN] * 1_000).encode())) == 1_000


@pytest.mark.parametrize("device", ["LV3.105 Storage/14|x", "Zähler-ß", "電池", "😀", 'a"b\\c', "a\x00b"])
def test_a_device_id_is_any_text(device):
    for ascii_only in (True, False):
        value = json.dumps(GIVEN | {"device": device}, ensure_ascii=ascii_only).encode()

        assert accepted(value)[0].device == device


def test_white_space_up_to_the_size_limit_is_read():
    value = json.dumps(GIVEN).encode()

    assert len(accepted(value + b" " * (MAX_VALUE_BYTES - len(value)))) == 1
