"""Whatever the bytes: parsing never raises, loses no reading, and has one opinion."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from app.domain import contracts, telemetry
from app.domain.reading import Reading
from app.domain.telemetry import BOUNDS, Refusal, parse

NAMES = ["device", *BOUNDS, "unknown", "\\u0064evice"]
NUMBERS = st.one_of(
    st.integers(-(2**54), 2**54).map(str),
    st.integers(-(2**54), 2**54).map(lambda number: f"{number}.0"),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.builds(
        "{}.{}".format, st.integers(-3, 2**53 + 2), st.sampled_from(["5", "50", "49999999999999999999", "50001"])
    ),
    st.builds("{}e{}".format, st.integers(-99, 99), st.integers(-400, 400)),
)
ODDITIES = st.sampled_from(
    ["null", "true", '"1"', '""', "[]", "{}", "NaN", "-Infinity", "01", "1.", "-", "1e9999999999999999999", '"\\ud800"']
)
DEVICES = st.text(min_size=1, max_size=5).map(json.dumps)
MEMBERS = st.tuples(st.sampled_from(NAMES), st.one_of(NUMBERS, DEVICES, ODDITIES))


def an_object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"


NEARLY_GOOD = st.builds(
    lambda device, at, power, more: an_object(
        [("device", device), ("measured_at_ms", at), ("active_power_w", power), *more]
    ),
    DEVICES,
    NUMBERS,
    NUMBERS,
    st.lists(MEMBERS, max_size=3),
)
OBJECTS = st.one_of(NEARLY_GOOD, st.lists(MEMBERS, max_size=5).map(an_object))
VALUES = st.one_of(OBJECTS, st.lists(OBJECTS, max_size=4).map(lambda items: "[" + ",".join(items) + "]"))
ENCODED = VALUES.map(lambda value: value.encode(errors="surrogatepass"))


def is_sound(reading: Reading) -> bool:
    given = {name: getattr(reading, name) for name in BOUNDS if getattr(reading, name) is not None}
    return (
        bool(reading.device.encode())
        and all(type(number) is int for number in given.values())
        and all(BOUNDS[name][0] <= number <= BOUNDS[name][1] for name, number in given.items())
    )


def opinion(readings: list[tuple[int, Reading]], refusals: list[Refusal]) -> object:
    fields = contracts.Reading.__struct_fields__
    return [(index, [getattr(one, name) for name in fields]) for index, one in readings], refusals


def check(value: bytes) -> None:
    readings, refusals = parse(value)
    judged = [index for index, _ in readings] + [index for one in refusals for index in one.items]

    assert all(is_sound(reading) for _, reading in readings)
    assert sorted(judged) == list(range(len(judged)))
    assert readings or refusals
    assert all(one.detail for one in refusals)


@given(st.binary(max_size=60))
def test_any_bytes_are_readings_or_refusals(value):
    check(value)


@given(ENCODED)
def test_every_reading_of_anything_like_telemetry_is_either_sound_or_refused(value):
    check(value)


@given(ENCODED, st.data())
def test_a_damaged_value_is_readings_or_refusals(value, data):
    at = data.draw(st.integers(0, len(value) - 1))

    check(value[:at])
    check(value[:at] + data.draw(st.binary(max_size=3)) + value[at + 1 :])


@given(ENCODED)
@example(b'{"device":"d","measured_at_ms":9007199254740993.0,"active_power_w":1}')
@example(b'{"device":"d","measured_at_ms":1,"active_power_w":10000000000.0000001}')
@example(b'{"device":"d","measured_at_ms":-0.4,"active_power_w":1e0}')
@example(b'{"device":"d","measured_at_ms":1,"active_power_w":1,"energy_import_wh":9007199254740993.0}')
@example(b'{"device":"d","measured_at_ms":1,"active_power_w":1,"reactive_power_var":10000000001}')
@example(b'{"device":"d","measured_at_ms":1,"active_power_w":1,"reactive_power_var":-10000000001}')
def test_the_fast_path_and_the_strict_one_have_the_same_opinion(value):
    assert opinion(*parse(value)) == opinion(*telemetry._parse_strictly(value))


def test_the_fast_path_is_taken_for_plain_readings(monkeypatch):
    monkeypatch.delattr(telemetry, "_parse_strictly")

    assert parse(b'{"device":"d","measured_at_ms":1,"active_power_w":-2,"state_of_charge_wh":3}')[0]
