"""Which records of a partition are rejected, with what reason, and that their neighbours go on."""

import json

import pytest

from app.domain.contracts import Reason
from app.domain.twin import SitePartition
from tests.builders import (
    NOON_MS,
    Disk,
    Log,
    a_device,
    a_partition,
    a_site,
    a_village,
    hear,
    learn,
    some_rules,
    the_village,
)

HOUR_MS = 3_600_000


def reasons(machine: SitePartition, log: Log) -> list[tuple[Reason, tuple[int, ...]]]:
    return [(one.reason, one.items) for one in hear(machine, log).rejections]


def a_reading(device: str = "load-a", at_ms: int = NOON_MS, power_w: float = 1) -> dict[str, object]:
    return {"device": device, "measured_at_ms": at_ms, "active_power_w": power_w}


def of(key: bytes | None, value: bytes | None, at_ms: int = NOON_MS) -> Log:
    log = Log()
    log.put(key, value, at_ms)
    return log


GOOD = json.dumps(a_reading()).encode()
SENT = {
    "key empty": (b"", GOOD, Reason.NO_KEY),
    "key absent": (None, GOOD, Reason.NO_KEY),
    "key and value absent": (None, None, Reason.NO_KEY),
    "value empty": (b"a", b"", Reason.EMPTY),
    "value absent": (b"a", None, Reason.EMPTY),
    "unknown site": (b"stranger", GOOD, Reason.UNKNOWN_SITE),
    "key not UTF-8": (b"\xff", GOOD, Reason.UNKNOWN_SITE),
    "not JSON": (b"a", b"{", Reason.MALFORMED),
}


@pytest.mark.parametrize("name", SENT)
def test_a_record_that_cannot_be_folded_is_rejected_whole(name):
    key, value, reason = SENT[name]

    assert reasons(a_village(), of(key, value)) == [(reason, ())]


def test_a_record_with_neither_key_nor_value_bytes_is_a_tick():
    machine = a_village()

    assert reasons(machine, of(b"", b"")) == []
    assert machine.state.ticks == 1


ITEMS = {
    "unknown device": (a_reading("nobody"), Reason.UNKNOWN_DEVICE),
    "device of another site": (a_reading("load-b"), Reason.FOREIGN_DEVICE),
    "three times rated power and a watt": (a_reading(power_w=30_001), Reason.OUT_OF_RANGE),
    "as much the other way": (a_reading(power_w=-30_001), Reason.OUT_OF_RANGE),
    "too late": (a_reading(at_ms=NOON_MS - 24 * HOUR_MS - 1), Reason.TOO_LATE),
    "future": (a_reading(at_ms=NOON_MS + 600_001), Reason.FUTURE),
    "1970": (a_reading(at_ms=0), Reason.TOO_LATE),
    "2100": (a_reading(at_ms=4_102_444_800_000), Reason.FUTURE),
    "seconds": (a_reading(at_ms=NOON_MS // 1_000), Reason.TOO_LATE),
    "not a number": (a_reading(power_w="1"), Reason.WRONG_TYPE),
}


@pytest.mark.parametrize("name", ITEMS)
def test_one_rejection_names_the_bad_indexes_while_the_good_readings_apply(name):
    bad, reason = ITEMS[name]
    good = [a_reading(at_ms=NOON_MS - 1_000, power_w=10), a_reading(at_ms=NOON_MS - 2_000, power_w=20)]
    machine = a_village()
    log = of(b"a", json.dumps([bad, good[0], bad, good[1]]).encode())

    heard = hear(machine, log)

    assert [(one.reason, one.items) for one in heard.rejections] == [(reason, (0, 2))]
    assert heard.windows("feeder-1")[NOON_MS - 900_000].kinds["load"].sum_w == 30
    assert machine.state.rejected == {reason: 2}


def test_different_faults_of_one_record_make_one_rejection_in_order_of_index():
    record = [a_reading("nobody"), {}, a_reading(power_w=10**6)]
    machine = a_village()

    (one,) = hear(machine, of(b"a", json.dumps(record).encode())).rejections

    assert (one.reason, one.items) == (Reason.UNKNOWN_DEVICE, (0, 1, 2))
    assert [reason in one.detail for reason in ("unknown_device", "missing_field", "out_of_range")] == [True] * 3
    assert machine.state.rejected == {"unknown_device": 1, "missing_field": 1, "out_of_range": 1}


@pytest.mark.parametrize("power_w", [30_000, -30_000])
def test_three_times_its_rated_power_is_still_plausible(power_w):
    assert reasons(a_village(), of(b"a", json.dumps(a_reading(power_w=power_w)).encode())) == []


def test_the_plausible_factor_can_be_switched_off():
    assert reasons(a_village(plausible_factor=0), of(b"a", json.dumps(a_reading(power_w=10**9)).encode())) == []


def test_a_key_of_another_partition_is_told_from_an_unknown_site():
    machine = SitePartition(0, some_rules(partitions=8), lambda key: 5 if key == b"far" else 0, Disk())
    learn(machine, the_village())
    log = of(b"far", GOOD)
    log.put(b"near", GOOD, NOON_MS)

    far, near = hear(machine, log).rejections

    assert (far.reason, near.reason) == (Reason.WRONG_PARTITION, Reason.UNKNOWN_SITE)
    assert "murmur2_random" in far.detail
    assert "5" in far.detail


def test_a_rejection_keeps_the_original_record():
    log = of(b"stranger", b"\xff\x00")

    (one,) = hear(a_village(), log).rejections

    assert one.record is log.records[0]


@pytest.mark.parametrize(("site", "device"), [("stranger", "load-a"), ("a", "nobody")])
def test_an_unknown_name_waits_until_topology_is_read_to_its_end(site, device):
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say(site, device, NOON_MS, 2)

    assert machine.apply(log.records, settled=False) is False
    assert machine.offset == 0
    machine.learn_site(site, a_site("feeder-1", devices=[a_device("load-a"), a_device(device)]), 1)
    assert machine.apply(log.records, settled=False) is True
    assert machine.state.rejected == {}


def test_a_site_whose_topology_is_gone_is_unknown():
    machine, log = a_village(), Log()
    machine.learn_site("a", None, 1)
    log.say("a", "load-a", NOON_MS, 1)

    assert reasons(machine, log) == [(Reason.UNKNOWN_SITE, ())]


def test_a_device_that_has_moved_away_is_foreign():
    machine, log = a_village(), Log()
    machine.learn_site("a", a_site("feeder-1", devices=[]), 1)
    machine.learn_site("b", a_site("feeder-1", devices=[a_device("load-a")]), 2)
    log.say("a", "load-a", NOON_MS, 1)

    assert reasons(machine, log) == [(Reason.FOREIGN_DEVICE, (0,))]


def test_a_rejected_record_moves_stream_time():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.put(b"stranger", GOOD, NOON_MS + 1_020_000)

    assert hear(machine, log).watermark.closed_through_ms == NOON_MS + 900_000


def test_records_and_readings_are_conserved():
    machine, log = a_partition(some_rules(), Disk(), the_village()), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS, 1)
    log.say("a", "load-a", NOON_MS, 2)
    log.tick(NOON_MS)
    log.put(b"b", b"{", NOON_MS)
    log.put(b"b", json.dumps([a_reading("load-b"), {}, a_reading("nobody")]).encode(), NOON_MS)
    hear(machine, log)
    state, sites = machine.state, machine.state.sites.values()

    assert (state.records, state.ticks) == (6, 1)
    assert [sum(getattr(site, name) for site in sites) for name in ("applied", "duplicate", "conflicting")] == [2, 1, 1]
    assert state.rejected == {"malformed": 1, "missing_field": 1, "unknown_device": 1}
