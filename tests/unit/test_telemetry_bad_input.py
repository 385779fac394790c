"""Every kind of bad telemetry gets a reason from the closed list; nothing raises."""

import json

import pytest

from app.domain.contracts import Reason
from app.domain.telemetry import MAX_VALUE_BYTES, combine, parse

GIVEN = {"device": "d", "measured_at_ms": 1_464_739_200_000, "active_power_w": 1}


def with_power(number: bytes) -> bytes:
    return b'{"device":"d","measured_at_ms":1464739200000,"active_power_w":%s}' % number


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GIVEN.items() if key != name}).encode()


def with_member(name: str, value: object) -> bytes:
    return json.dumps(GIVEN | {name: value}).encode()


def deep(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def with_deep(member: str, depth: int) -> bytes:
    return with_member(member, "here").replace(b'"here"', deep(depth))


WHOLE = {
    "not UTF-8": (b"\xff\xfe", Reason.MALFORMED),
    "not UTF-8 in a device": (b'{"device":"\xff","measured_at_ms":1,"active_power_w":1}', Reason.MALFORMED),
    "a surrogate in UTF-8": (b'{"device":"\xed\xa0\x80","measured_at_ms":1,"active_power_w":1}', Reason.MALFORMED),
    "a byte order mark": (b"\xef\xbb\xbf" + with_power(b"1"), Reason.MALFORMED),
    "truncated": (with_power(b"1")[:-1], Reason.MALFORMED),
    "two documents": (with_power(b"1") * 2, Reason.MALFORMED),
    "arrays 10,000 deep": (deep(10_000), Reason.MALFORMED),
    "objects 10,000 deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.MALFORMED),
    "10,000 deep in a member": (with_power(deep(10_000)), Reason.MALFORMED),
    "an integer of 10,000 digits": (with_power(b"1" * 10_000), Reason.MALFORMED),
    "NaN": (with_power(b"NaN"), Reason.MALFORMED),
    "Infinity": (with_power(b"Infinity"), Reason.MALFORMED),
    "-Infinity": (with_power(b"-Infinity"), Reason.MALFORMED),
    "an exponent of 20 digits": (with_power(b"1e" + b"9" * 20), Reason.MALFORMED),
    "a leading zero": (with_power(b"01"), Reason.MALFORMED),
    "an array of none": (b"[]", Reason.EMPTY),
    "an array of 1,001": (json.dumps([GIVEN] * 1_001).encode(), Reason.TOO_MANY_READINGS),
    "4 MB and a byte": (with_power(b"1").ljust(MAX_VALUE_BYTES + 1), Reason.TOO_LARGE),
    "white space": (b" ", Reason.MALFORMED),
}

ITEM = {
    "1e308": (with_power(b"1e308"), Reason.OUT_OF_RANGE),
    "an exponent of 9 digits": (with_power(b"1e999999999"), Reason.OUT_OF_RANGE),
    "an integer of 4,000 digits": (with_power(b"1" * 4_000), Reason.OUT_OF_RANGE),
    "power beyond 10 GW": (with_power(b"10000000001"), Reason.OUT_OF_RANGE),
    "power beyond -10 GW": (with_power(b"-10000000000.6"), Reason.OUT_OF_RANGE),
    "a register beyond 2^53": (with_member("energy_import_wh", 2**53 + 1), Reason.OUT_OF_RANGE),
    "a register below 0": (with_member("energy_export_wh", -1), Reason.OUT_OF_RANGE),
    "a state of charge below 0": (with_member("state_of_charge_wh", -1), Reason.OUT_OF_RANGE),
    "a time before 1970": (with_member("measured_at_ms", -1), Reason.OUT_OF_RANGE),
    "a string as a number": (with_power(b'"1"'), Reason.WRONG_TYPE),
    "true as a number": (with_power(b"true"), Reason.WRONG_TYPE),
    "null as a number": (with_power(b"null"), Reason.WRONG_TYPE),
    "an array as a number": (with_power(b"[1]"), Reason.WRONG_TYPE),
    "an object as a number": (with_power(b"{}"), Reason.WRONG_TYPE),
    "true as an optional number": (with_member("state_of_charge_wh", True), Reason.WRONG_TYPE),
    "a string as a time": (with_member("measured_at_ms", "2016-06-01"), Reason.WRONG_TYPE),
    "a number as a device": (with_member("device", 1), Reason.WRONG_TYPE),
    "null as a device": (with_member("device", None), Reason.WRONG_TYPE),
    "a string as a reading": (b'"reading"', Reason.WRONG_TYPE),
    "null as a reading": (b"null", Reason.WRONG_TYPE),
    "an array in the array": (b"[[1]]", Reason.WRONG_TYPE),
    "no device": (without("device"), Reason.MISSING_FIELD),
    "no time": (without("measured_at_ms"), Reason.MISSING_FIELD),
    "no power": (without("active_power_w"), Reason.MISSING_FIELD),
    "an empty object": (b"{}", Reason.MISSING_FIELD),
    "an empty device": (with_member("device", ""), Reason.EMPTY),
    "half a surrogate pair": (with_member("device", "\ud800"), Reason.MALFORMED),
    "power twice": (with_power(b'1,"active_power_w":2'), Reason.DUPLICATE_KEY),
    "device twice, the same": (with_power(b'1,"device":"d"'), Reason.DUPLICATE_KEY),
    "an optional member and null": (
        with_power(b'1,"state_of_charge_wh":5,"state_of_charge_wh":null'),
        Reason.DUPLICATE_KEY,
    ),
    "a member that nobody knows twice": (with_power(b'1,"x":1,"x":2'), Reason.DUPLICATE_KEY),
    "a member twice, once in escapes": (with_power(b'1,"\\u0064evice":"e"'), Reason.DUPLICATE_KEY),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_that_is_bad_as_a_whole_is_refused_with_its_reason(name):
    value, reason = WHOLE[name]
    readings, refusals = parse(value)

    assert readings == []
    assert [(one.reason, one.items) for one in refusals] == [(reason, ())]


@pytest.mark.parametrize("name", ITEM)
def test_a_bad_reading_is_refused_with_its_reason(name):
    value, reason = ITEM[name]
    readings, refusals = parse(value)

    assert readings == []
    assert [(one.reason, one.items) for one in refusals] == [(reason, (0,))]


@pytest.mark.parametrize("name", [name for name in ITEM if name != "an array in the array"])
def test_a_bad_reading_leaves_its_neighbours_in_the_array_alone(name):
    good = json.dumps(GIVEN).encode()
    readings, refusals = parse(b"[%s,%s,%s]" % (good, ITEM[name][0], good))

    assert [index for index, _ in readings] == [0, 2]
    assert [(one.reason, one.items) for one in refusals] == [(ITEM[name][1], (1,))]


@pytest.mark.parametrize("member", ["device", "active_power_w", "unknown"])
def test_a_value_as_deep_as_the_interpreter_can_just_read_is_refused_like_a_deeper_one(member):
    found = {parse(with_deep(member, depth))[1][0].reason for depth in range(33, 1_010)}

    assert found == {Reason.MALFORMED}


def test_an_unknown_member_may_be_nested_a_little():
    assert len(parse(with_power(b'1,"x":%s' % deep(20)))[0]) == 1


def test_a_detail_names_what_was_seen_and_what_is_expected():
    assert parse(with_power(b'"1"'))[1][0].detail == 'active_power_w is "1"; expected a number'


def test_refusals_are_combined_into_one_that_names_every_bad_index():
    one = combine(parse(b'[{},1,{"device":""}]')[1])

    assert one.reason is Reason.MISSING_FIELD
    assert one.items == (0, 1, 2)
    assert "[1] wrong_type" in one.detail


def test_a_combined_detail_stays_below_a_kilobyte():
    assert len(combine(parse(json.dumps([{}] * 1_000).encode())[1]).detail.encode()) <= 1_000
