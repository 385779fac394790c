"""Disturbances change the order, the number and the time of records, never the set of readings that is accepted."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dataset.format import Arrival
from app.domain.rules import Rules
from app.domain.telemetry import parse
from app.replay.disturb import Sent, Shares, disturb
from app.replay.poison import POISON
from tests.builders import NOON_MS, Disk, Log, Message, a_device, a_node, a_partition, a_site, some_rules

HOUR_MS = 3_600_000
END_MS = NOON_MS + 3 * HOUR_MS
HORIZON_S = 3600
DAY_MS = 86_400_000
DEVICES = ("d1", "d2")


def an_arrival(device: str, measured_ms: int, power_w: int, age_ms: int, site: str = "s1") -> Arrival:
    value = {"device": device, "measured_at_ms": measured_ms, "active_power_w": power_w}
    return Arrival(site, measured_ms + age_ms, msgspec.Raw(json.dumps(value).encode()))


AGES_MS = st.sampled_from([0, 500, 60_000, HORIZON_S * 1000 - 1, HORIZON_S * 1000, HORIZON_S * 1000 + 1, -599_999,
                           -600_001, 2 * HOUR_MS])  # fmt: skip
ARRIVALS = st.lists(
    st.builds(
        lambda device, second, age_ms: an_arrival(device, NOON_MS + second * 1000, second, age_ms),
        st.sampled_from([*DEVICES, "unknown"]),
        st.integers(0, 7200),
        AGES_MS,
    ),
    max_size=30,
)
SHARES = st.builds(Shares, *(st.sampled_from([0.0, 0.3, 1.0]) for _ in range(4)))


def sent(arrivals: list[Arrival], shares: Shares, seed: int = 1) -> list[Sent]:
    ordered = sorted(arrivals, key=lambda one: one.arrived_at_ms)
    return list(disturb(ordered, shares, seed=seed, end_ms=END_MS, horizon_ms=HORIZON_S * 1000))


def accepted(records: list[Sent]) -> set[tuple[str, int, int]]:
    """Return device, second and power of what is accepted, by the rules alone: first of a second, in time."""
    stream_ms, found = 0, {}
    for one in records:
        stream_ms = max(stream_ms, one.timestamp_ms)
        value = _plain(one)
        if value is None:
            continue
        at_ms = value["measured_at_ms"]
        is_late = one.timestamp_ms - at_ms > HORIZON_S * 1000
        is_expired = at_ms // 900_000 * 900_000 + 900_000 + HORIZON_S * 1000 <= stream_ms
        is_early = at_ms - one.timestamp_ms > 600_000
        if not (is_late or is_expired or is_early):
            found.setdefault((value["device"], at_ms // 1000), value["active_power_w"])
    return {(device, second, power_w) for (device, second), power_w in found.items()}


def _plain(one: Sent) -> dict[str, Any] | None:
    """Return a reading of a device that is known, if the record is exactly one."""
    try:
        value = json.loads(one.value)
        is_plain = one.key == b"s1" and set(value) == {"device", "measured_at_ms", "active_power_w"}
        numbers = [value["measured_at_ms"], value["active_power_w"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_twice = one.value.count(b"active_power_w") > 1
    fits = all(type(number) is int for number in numbers) and abs(numbers[1]) <= 10**10
    return value if is_plain and fits and not is_twice and value["device"] in DEVICES else None


@settings(max_examples=200, deadline=None)
@given(ARRIVALS, SHARES, st.integers(0, 1000))
def test_the_set_of_accepted_readings_is_the_same(arrivals: list[Arrival], shares: Shares, seed: int) -> None:
    assert accepted(sent(arrivals, shares, seed)) == accepted(sent(arrivals, Shares()))


@settings(max_examples=50, deadline=None)
@given(ARRIVALS, SHARES)
def test_the_product_accepts_the_same(arrivals: list[Arrival], shares: Shares) -> None:
    assert applied(sent(arrivals, shares)) == len(accepted(sent(arrivals, Shares())))


def applied(records: list[Sent]) -> int:
    rules: Rules = some_rules(horizon_ms=HORIZON_S * 1000, grace_ms=0)
    devices = [a_device(name, rated_w=0) for name in DEVICES]
    machine = a_partition(rules, Disk(), {"n": a_node("grid"), "s1": a_site("n", devices=devices)})
    machine.apply([Message(i, one.timestamp_ms, one.key, one.value) for i, one in enumerate(records)], settled=True)
    twins = machine.say(behind=False, due=lambda _: True, twins=True).twins
    return sum(int(json.loads(value)["readings"]["applied"]) for _, value in twins)


@settings(max_examples=50, deadline=None)
@given(ARRIVALS, SHARES, st.integers(0, 1000))
def test_the_stream_is_in_order_of_place_and_the_same_for_a_seed(
    arrivals: list[Arrival], shares: Shares, seed: int
) -> None:
    first = sent(arrivals, shares, seed)

    assert [one.at_ms for one in first] == sorted(one.at_ms for one in first)
    assert all(one.timestamp_ms <= one.at_ms for one in first)
    assert first == sent(arrivals, shares, seed)


def test_a_reading_about_to_expire_is_not_shuffled_behind_those_that_let_it_expire() -> None:
    last_of_window = an_arrival("d1", NOON_MS + 899_000, 1, HORIZON_S * 1000 - 1)
    behind = [an_arrival("d2", NOON_MS + 4_499_000 + second * 1000, 2, 0) for second in range(60)]

    for seed in range(20):
        assert ("d1", NOON_MS // 1000 + 899, 1) in accepted(sent([last_of_window, *behind], Shares(shuffle=1), seed))


MANY = [an_arrival("d1", NOON_MS + second * 1000, second, 500) for second in range(1000)]


@pytest.mark.parametrize(
    ("shares", "count"),
    [(Shares(), 1000), (Shares(duplicate=1), 2000), (Shares(poison=1), 2000), (Shares(late=1), 1000)],
)
def test_a_share_is_a_share_of_records(shares: Shares, count: int) -> None:
    assert len(sent(MANY, shares)) == count
    assert 1200 < len(sent(MANY, Shares(duplicate=0.15, poison=0.15))) < 1400


def test_a_shuffled_record_keeps_its_time_and_a_late_one_does_not() -> None:
    shuffled, late = sent(MANY, Shares(shuffle=1)), sent(MANY, Shares(late=1))

    assert sorted(one.timestamp_ms for one in shuffled) == sorted(one.arrived_at_ms for one in MANY)
    assert [one.timestamp_ms for one in shuffled] != sorted(one.timestamp_ms for one in shuffled)
    assert max(one.timestamp_ms for one in late) > max(one.arrived_at_ms for one in MANY) + 10 * 60_000


GOOD = json.dumps({"device": "d1", "measured_at_ms": NOON_MS, "active_power_w": 5}).encode()
OTHER_VALUES = (GOOD, b"[" + GOOD + b"]", b"[]", b"7", b'"x"', b"{}", b"1" * 5000, b'{"measured_at_ms":1e400}')


@pytest.mark.parametrize("kind", POISON)
@pytest.mark.parametrize("value", OTHER_VALUES)
def test_poison_is_refused_whatever_it_was_made_of(kind: str, value: bytes) -> None:
    key, bad = POISON[kind](b"s1", value, NOON_MS)

    assert applied([Sent(NOON_MS, 1, NOON_MS, key, bad)]) == 0


@pytest.mark.parametrize(
    "kind", [kind for kind in POISON if kind not in ("too_late", "future", "1970", "2100", "seconds")]
)
def test_poison_is_refused_by_its_bytes_or_by_whose_it_is(kind: str) -> None:
    key, bad = POISON[kind](b"s1", GOOD, NOON_MS)

    readings = parse(bad)[0] if key == b"s1" and bad else []
    assert all(reading.device not in DEVICES for _, reading in readings)


def test_a_log_without_disturbance_is_applied_whole() -> None:
    log = Log()
    log.say("s1", "d1", NOON_MS, 1)
    log.say("s1", "d2", NOON_MS, 2)

    assert (
        applied([Sent(one.timestamp, 0, one.timestamp, one.key or b"", one.value or b"") for one in log.records]) == 2
    )
