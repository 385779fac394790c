"""A fleet's truth is what its messages add up to, whatever its shape; lateness changes no truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import ceil
from pathlib import Path

import msgspec
import pytest

from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from app.domain.contracts import NodeRecord, SiteRecord
from app.replay.repeat import DAY_MS
from benchmarks import storms
from benchmarks.axes import axes
from benchmarks.fleet import START_MS, Fleet, Record, Telemetry, Truth, name_of, with_ticks
from benchmarks.open_loop import SLOT_MS, Account, OpenLoop
from benchmarks.probes import KINDS, Probes, due, heard, power_of
from benchmarks.simbench_world import Days

SHAPES = [
    Fleet(sites=60, interval_s=20, window_s=60),
    Fleet(sites=3, devices=4, per_message=3, interval_s=60, window_s=60),
    Fleet(sites=20, hot_devices=5, interval_s=30, window_s=60, fanout=(2, 3, 100)),
    Fleet(sites=5, interval_s=10, window_s=900, fanout=(100,), partitions=1),
]


def added_up(fleet: Fleet, records: Iterable[Record]) -> Truth:
    """Return the truth of records by reading them as a worker would."""
    counts, sums = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for _, _, key, value in records:
        document = msgspec.json.decode(value)
        for reading in document if isinstance(document, list) else [document]:
            window = reading["measured_at_ms"] // (1000 * fleet.window_s) * 1000 * fleet.window_s
            for node in fleet.chain(int(key[1:])):
                counts[node, window] += 1
                sums[node, window] += reading["active_power_w"]
    return {key: (counts[key], sums[key]) for key in counts}


@pytest.mark.parametrize("fleet", SHAPES)
def test_the_truth_is_what_the_messages_add_up_to(fleet: Fleet) -> None:
    telemetry = Telemetry(fleet)
    records = list(telemetry.steps(START_MS, 10))

    assert added_up(fleet, records) == telemetry.truth()
    assert telemetry.readings == 10 * int(fleet.sizes().sum())


def test_records_come_in_order_with_a_tick_a_minute_and_one_at_the_end() -> None:
    fleet = Fleet(sites=10, interval_s=60, partitions=2)
    records = list(with_ticks(Telemetry(fleet).steps(START_MS, 2), fleet, START_MS, START_MS + 200_000))
    ticks = [(at_ms - START_MS, partition) for at_ms, partition, key, _ in records if not key]

    assert [record[0] for record in records] == sorted(record[0] for record in records)
    assert ticks == [(at_ms, partition) for at_ms in (0, 60_000, 120_000, 180_000, 200_000) for partition in (0, 1)]


def test_a_message_holds_so_many_devices_and_one_alone_is_no_array() -> None:
    sizes = {
        per_message: [
            value.count(b"device") * (-1 if value.startswith(b"[") else 1)
            for *_, value in Telemetry(Fleet(sites=1, devices=5, per_message=per_message)).step(START_MS)
        ]
        for per_message in (1, 2, 20)
    }

    assert sizes == {1: [1, 1, 1, 1, 1], 2: [-2, -2, -1], 20: [-5]}


def test_the_topology_has_every_node_above_every_site() -> None:
    fleet = Fleet(sites=7, fanout=(2, 2, 10))
    records = {name: record for name, _, record in fleet.topology()}
    parents = {name: record.parents[0].node for name, record in records.items() if record and record.parents}
    nodes = {name: record.level for name, record in records.items() if isinstance(record, NodeRecord)}

    assert len([record for record in records.values() if isinstance(record, SiteRecord)]) == 7
    assert nodes == {
        **{f"feeder-{number}": "feeder" for number in range(4)},
        **{f"substation-{number}": "substation" for number in range(2)}, "region-0": "region",
    }  # fmt: skip
    for site in range(7):
        name, chain = name_of(site).decode(), []
        while name in parents:
            name = parents[name]
            chain.append(name)
        assert chain == fleet.chain(site)


def test_late_readings_are_later_and_no_fewer() -> None:
    fleet = Fleet(sites=20, interval_s=300)
    telemetry, records = storms.late(fleet, hours=4, share=0.1)
    sent = [record for record in records if record[2]]
    late = [record for record in sent if record[0] - msgspec.json.decode(record[3])["measured_at_ms"] > 60_000]

    assert [record[0] for record in sent] == sorted(record[0] for record in sent)
    assert 0.05 < len(late) / len(sent) < 0.2
    assert added_up(fleet, sent) == telemetry.truth()


def test_a_backlog_comes_at_once_site_by_site_after_its_windows_are_closed() -> None:
    fleet = Fleet(sites=3, interval_s=900)
    telemetry, records = storms.backlog(fleet, hours=2)
    sent = [record for record in records if record[2]]
    held = sent[3:]

    assert len({record[0] for record in held}) == 1
    assert [record[2] for record in held] == sorted(record[2] for record in held)
    assert held[0][0] - START_MS >= 1000 * (2 * 3600 + 900 + 120)
    assert added_up(fleet, sent) == telemetry.truth()


def test_a_day_that_comes_again_has_its_readings_and_its_truth_again_a_day_later(tmp_path: Path) -> None:
    shape = Shape(sites=2, kinds=("battery",), intervals_s=(3600,), window_s=3600, end_ms=START_MS + DAY_MS)
    generate(tmp_path / "day", shape)
    days = Days(tmp_path / "day", 2)
    said = Counter[tuple[str, int]]()
    for arrival in days.telemetry():
        reading = msgspec.json.decode(arrival.value)
        said[arrival.site, reading["measured_at_ms"] // 3_600_000 * 3_600_000] += reading["active_power_w"]
    rows = {(row.node, row.window_start_ms): row.sum_w for row in days.truth() if row.kind == "all"}

    assert {key: sum_w for key, sum_w in rows.items() if key in said} == dict(said)
    assert (len(said), days.meta.readings, len(list(days.soc_truth()))) == (96, 96, 96)
    assert (min(at for _, at in said), max(at for _, at in said)) == (START_MS, START_MS + 2 * DAY_MS - 3_600_000)
    assert days.meta.end_ms == START_MS + 2 * DAY_MS


@pytest.mark.parametrize("is_whole", [False, True])
def test_every_point_reports_for_whole_windows_and_intervals(is_whole: bool) -> None:
    points = [point for held in axes(is_whole=is_whole).values() for point in held]

    assert [point for point in points if point.duration_s % point.fleet.interval_s] == []
    assert [point for point in points if point.steps < 1] == []


def test_a_sum_tells_how_far_each_probe_was_heard() -> None:
    counts = {digit: 10 + 3 * digit for digit in range(8)}
    total = sum(power_of(digit, count) for digit, count in counts.items())

    assert {digit: heard(total, digit, count - 5) for digit, count in counts.items()} == counts
    assert heard(power_of(3, 20), 3, 20) == 20


def test_every_probe_is_due_once_a_second() -> None:
    seen = Counter(probe for slot in range(100) for probe in due(slot, 20, 8))

    assert len(seen) == 2 * 8 * len(KINDS)
    assert set(seen.values()) == {1}
    assert {count for _, _, count in seen} == {1, 2}


def test_probes_have_a_site_in_every_partition_and_unlike_feeders() -> None:
    fleet = Fleet(sites=1_000, fanout=(25, 20, 1_000))
    probes = Probes(fleet)

    assert [digits for node, digits in probes.below().items() if node.startswith("feeder")] == [[n] for n in range(8)]
    assert probes.below()["region-0"] == list(range(8))


def test_a_node_that_heard_of_probes_alone_is_accounted_for() -> None:
    fleet = Fleet(sites=40, interval_s=1, window_s=60, partitions=2, fanout=(10, 100))
    probes = Probes(fleet)
    account = Account(fleet, probes)
    account.add(START_MS, [0], [5])
    account.add_probe(START_MS, 1, 17)
    truth = account.truth(START_MS + 60_000)

    assert truth["feeder-0", START_MS] == (1, 5)
    assert truth[probes.chains[1][0], START_MS] == (1, 17)
    assert truth["substation-0", START_MS] == (2, 22)


def test_the_open_loop_accounts_for_what_it_sends() -> None:
    fleet = Fleet(sites=40, interval_s=1, window_s=60, partitions=2, fanout=(10, 100))
    probes = Probes(fleet)
    loop = OpenLoop(fleet, probes, rate=50, began_ms=START_MS - 1_000)
    counts, sums = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for slot in range(2 * 1000 // SLOT_MS):
        for messages in loop._due(slot, loop.began_ms + slot * SLOT_MS).values():
            for key, value, _, _ in messages:
                reading = msgspec.json.decode(value or b"")
                window = reading["measured_at_ms"] // 60_000 * 60_000
                chain = (
                    probes.chains[probes.sites.index((key or b"").decode())]
                    if (key or b"").startswith(b"probe")
                    else fleet.chain(int((key or b"")[1:]))
                )
                for node in chain:
                    counts[node, window] += 1
                    sums[node, window] += reading["active_power_w"]

    truth = {key: (counts[key], sums[key]) for key in counts}
    assert loop.sent == 100
    assert ceil(len(truth) / 2) == 5
    assert loop.account.truth(START_MS + 60_000) == truth
    assert loop.account.truth(START_MS) == {key: held for key, held in truth.items() if key[1] < START_MS}
