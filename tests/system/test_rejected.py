"""Rejected telemetry after mending: the original bytes again, each once, whoever replays them and wherever it dies."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from app import release
from app.__main__ import main
from app.domain import twin
from app.domain.contracts import Edge, NodeRecord, SiteRecord
from app.domain.site_rows import SITE_TABLE
from app.domain.twin import SitePartition
from app.errors import GridtwinError
from app.kafka.broker import LocalBroker
from app.rejected import ledger, replay
from app.rejected.ledger import Mark
from app.rejected.rejections import Wanted
from app.rejected.replay import BEFORE, CLAIMED, HEADER, REFUSED, SENT, Replay, Tally
from app.topics import REJECTED, REPLAYED, TELEMETRY, TOPOLOGY_SITE, TWIN_CHANGELOG, TWIN_TRANSITIONED, TWIN_UPDATED
from tests.builders import Disk, a_device
from tests.system.plant import START_MS, Plant, small_dataset, until
from tests.system.test_seen import free_port, samples
from tests.system.wire import (
    Place,
    Record,
    a_reading,
    apply_nodes,
    apply_sites,
    ends_of,
    everything_in,
    home_of,
    publish,
)

pytestmark = pytest.mark.broker

AT_MS = START_MS + 60_000
AWAY = "a site in quarantine"


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a twin worker that found one of its sites in quarantine when it started."""
    directory = tmp_path_factory.mktemp("rejected")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", depth=1, minutes=1), topology_wait_s=1)
    plant.make_topics()
    apply_nodes(plant, {"street": NodeRecord("feeder", "grid")})
    apply_sites(plant, {AWAY: a_house(AWAY)})
    set_aside(plant)
    plant.worker("twin").environ["VPP_WEB_PORT"] = free_port()
    with plant.running("twin"):
        yield plant


def set_aside(plant: Plant) -> None:
    """Write what a worker leaves behind whose folding of a site raised: its rows, and its words."""
    publish(plant, [a_record(AWAY, 9, 9)])
    home = home_of(plant, AWAY.encode())
    machine = SitePartition(home, plant.settings.rules(), lambda _: home, Disk())
    machine.learn_node("street", NodeRecord("feeder", "grid"), 0)
    machine.learn_site(AWAY, a_house(AWAY), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin, "fold_reading", lambda *_: 1 / 0)
        machine.apply(everything_in(plant, TELEMETRY), settled=True)
    said = machine.say()
    stages = [*machine.announce(), *machine.remember()]
    rows = [(TWIN_CHANGELOG, key, value) for stage in stages if stage.table == SITE_TABLE for key, value in stage.rows]
    steps = [(TWIN_TRANSITIONED, site.encode(), value) for site, value in said.transitions]
    asyncio.run(_write(plant, home, [*steps, *rows]))


async def _write(plant: Plant, partition: int, records: list[tuple[str, bytes, bytes | None]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=plant.settings.broker)
    await producer.start()
    for topic, key, value in records:
        await producer.send_and_wait(topic, value, key=key, partition=partition)
    await producer.stop()


@pytest.fixture(autouse=True)
def environ(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plant.environ.items():
        monkeypatch.setenv(name, value)


def a_house(name: str, *, rated_w: int = 100) -> SiteRecord:
    return SiteRecord(parents=(Edge("street"),), devices=(a_device(f"{name}/meter", rated_w=rated_w),))


def say(plant: Plant, site: str, *powers_w: int) -> list[Place]:
    """Have a site report, a second apart, and wait until all of it is rejected."""
    places = publish(plant, [a_record(site, second, power_w) for second, power_w in enumerate(powers_w)])
    until(lambda: {f"{TELEMETRY}/{one.partition}/{one.offset}".encode() for one in places}
          <= {record.key for record in everything_in(plant, REJECTED)}, "rejections")  # fmt: skip
    return places


def a_record(site: str, second: int, power_w: int) -> Record:
    return Record(site.encode(), a_reading(f"{site}/meter", AT_MS + 1_000 * second, power_w), AT_MS)


def run(plant: Plant, site: str, **more: Any) -> Tally:
    return asyncio.run(Replay(plant.settings, Wanted(site=site.encode()), **more)())


def sent_again(plant: Plant, site: str) -> Counter[bytes]:
    """Return how often each value of a site was sent again."""
    return Counter(
        record.value
        for record in everything_in(plant, TELEMETRY)
        if record.key == site.encode() and HEADER in dict(record.headers)
    )


def until_counted(
    plant: Plant, site: str, applied: int, duplicate: int = 0, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Wait until a twin has counted readings."""

    def counts() -> list[dict[str, int]]:
        meanwhile()
        twins = [msgspec.json.decode(one.value) for one in everything_in(plant, TWIN_UPDATED)]
        return [one["readings"] for one in twins if one["site"] == site]

    wanted = {"applied": applied, "duplicate": duplicate, "conflicting": 0}
    until(lambda: wanted in counts(), f"{wanted} of {site}")


def test_after_mending_each_original_is_sent_once_under_its_key_to_its_partition(plant: Plant) -> None:
    site = "registered later"
    places = say(plant, site, 1, 2)
    assert run(plant, site).of(REFUSED) == {"unknown_site": 2}
    apply_sites(plant, {site: a_house(site)})

    first, second = run(plant, site), run(plant, site)

    assert (first.of(SENT), second.of(SENT), second.of(BEFORE)) == ({"unknown_site": 2}, {}, {"unknown_site": 2})
    again = [one for one in everything_in(plant, TELEMETRY) if HEADER in dict(one.headers) and one.key == site.encode()]
    assert [(one.partition, one.value) for one in again] == [
        (place.partition, a_record(site, second, second + 1).value) for second, place in enumerate(places)
    ]
    until_counted(plant, site, applied=2)


def test_a_rehearsal_counts_and_writes_nothing(plant: Plant) -> None:
    site = "rehearsed"
    say(plant, site, 1, 2)
    apply_sites(plant, {site: a_house(site)})
    before = ends_of(plant, TELEMETRY, REPLAYED)

    assert run(plant, site, is_rehearsal=True).of(SENT) == {"unknown_site": 2}
    assert ends_of(plant, TELEMETRY, REPLAYED) == before


def test_a_plausible_limit_that_was_raised_lets_through_what_was_out_of_range(plant: Plant) -> None:
    site = "raised"
    apply_sites(plant, {site: a_house(site, rated_w=10)})
    say(plant, site, 100, 10_000)
    apply_sites(plant, {site: a_house(site, rated_w=100)})
    tally = run(plant, site)

    assert (tally.of(SENT), tally.of(REFUSED)) == ({"out_of_range": 1}, {"out_of_range": 1})
    until_counted(plant, site, applied=1, meanwhile=lambda: run(plant, site))  # its worker may learn the limit later


def test_of_an_array_the_readings_that_counted_before_are_repetitions(plant: Plant) -> None:
    site = "two meters"
    known, other = a_device(f"{site}/1"), a_device(f"{site}/2")
    apply_sites(plant, {site: SiteRecord((Edge("street"),), (known,))})
    value = b"[" + b",".join(a_reading(f"{site}/{number}", AT_MS, number) for number in (1, 2)) + b"]"
    publish(plant, [Record(site.encode(), value, AT_MS)])
    until(lambda: any(one.value == value for one in everything_in(plant, REJECTED)), "its rejection")
    apply_sites(plant, {site: SiteRecord((Edge("street"),), (known, other))})

    assert run(plant, site).of(SENT) == {"unknown_device": 1}
    until_counted(plant, site, applied=2, duplicate=1)


def test_what_came_to_a_wrong_partition_is_sent_to_that_of_its_key(plant: Plant) -> None:
    site = "misled"
    apply_sites(plant, {site: a_house(site)})
    elsewhere = (home_of(plant, site.encode()) + 1) % plant.settings.partitions
    publish(plant, [a_record(site, 0, 1)._replace(partition=elsewhere)])
    until(lambda: any(one.partition == elsewhere and dict(one.headers)["vpp-key"] == site.encode()
                      for one in everything_in(plant, REJECTED)), "its rejection")  # fmt: skip

    assert run(plant, site).of(SENT) == {"wrong_partition": 1}
    until_counted(plant, site, applied=1)


def test_two_operators_at_once_send_each_record_once(plant: Plant) -> None:
    site = "fought over"
    say(plant, site, *range(1, 21))
    apply_sites(plant, {site: a_house(site)})

    async def both() -> list[Tally]:
        return await asyncio.gather(*[Replay(plant.settings, Wanted(site=site.encode()))() for _ in range(2)])

    tallies = asyncio.run(both())

    assert sum(one.counts[SENT, "unknown_site"] for one in tallies) == 20
    assert [one.total for one in tallies] == [20, 20]
    assert set(sent_again(plant, site).values()) == {1}
    until_counted(plant, site, applied=20)


@pytest.mark.parametrize("step", ["claimed", "sent"])
def test_what_a_run_left_that_died_is_left_alone_first_then_found_or_sent(
    plant: Plant, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died after it claimed, or after it sent and before it noted that."""
    site = f"left when {step}"
    say(plant, site, 1, 2)
    apply_sites(plant, {site: a_house(site)})
    send = Replay._send

    async def die(self: Replay, *arguments: Any) -> list[int]:
        if step == "sent":
            await send(self, *arguments)
        raise GridtwinError("died")

    with monkeypatch.context() as patch:
        patch.setattr(Replay, "_send", die)
        with pytest.raises(GridtwinError, match="died"):
            run(plant, site)
    assert run(plant, site).of(CLAIMED) == {"unknown_site": 2}
    monkeypatch.setattr(ledger, "LEASE_MS", 0)

    assert run(plant, site).of(BEFORE if step == "sent" else SENT) == {"unknown_site": 2}
    assert list(sent_again(plant, site).values()) == [1, 1]
    until_counted(plant, site, applied=2)


def test_a_send_that_kafka_takes_too_long_for_is_given_up_and_never_made(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = "given up"
    say(plant, site, 1)
    apply_sites(plant, {site: a_house(site)})
    monkeypatch.setattr(replay, "SEND_WITHIN_S", 0.0)
    with pytest.raises(GridtwinError, match="run again in 120 s"):
        run(plant, site)

    assert sent_again(plant, site) == {}


def test_what_is_rejected_again_is_a_rejection_of_its_own(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    """Its worker judges by other settings than this operator."""
    site = "refused twice"
    apply_sites(plant, {site: a_house(site, rated_w=10)})
    (place,) = say(plant, site, 31)
    lenient = msgspec.structs.replace(plant.settings, plausible_factor=0)
    asyncio.run(Replay(lenient, Wanted(site=site.encode()))())
    until(lambda: len(listed(site, capsys)) == 2, "both rejections")
    again, first = listed(site, capsys)

    assert "open" in again
    assert (first.split()[2], "rejected again" in first) == (f"{place.partition}/{place.offset}", True)


def listed(site: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what the list has of a site, newest first."""
    return [line for line in told(capsys, "rejected", "list", "--site", site).splitlines() if site in line]


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    return out + err


def test_one_rejection_is_shown_with_its_original_bytes(plant: Plant, capsysbinary: Any) -> None:
    (place,) = say(plant, "shown", 1)
    for options in ((), ("--raw",)):
        with pytest.raises(SystemExit):
            main(["rejected", "show", f"{place.partition}/{place.offset}", *options])
    out = capsysbinary.readouterr().out

    assert out.startswith(b"unknown_site: no such site")
    assert b"state     open" in out
    assert out.endswith(a_record("shown", 0, 1).value)


def test_a_site_in_quarantine_is_listed_released_and_what_was_rejected_is_brought_back(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    say(plant, AWAY, 1, 2)
    kept, shown = told(capsys, "quarantine", "list"), samples(plant, "twin")["gridtwin_quarantined_sites"][()]
    assert f"at partition {home_of(plant, AWAY.encode())} offset 0: ZeroDivisionError" in kept
    assert run(plant, AWAY).of(REFUSED) == {"internal_error": 2}
    stop = tick_until_stopped(plant)
    released = told(capsys, "quarantine", "release", AWAY)
    stop()

    assert shown == 1
    assert "is folded again" in released
    assert samples(plant, "twin")["gridtwin_quarantined_sites"][()] == 0
    assert "0 sites in quarantine" in told(capsys, "quarantine", "list")
    assert "2 sent  (internal_error 2)" in told(capsys, "rejected", "replay", "--site", AWAY)
    until_counted(plant, AWAY, applied=2)
    assert "is not in quarantine" in told(capsys, "quarantine", "release", AWAY, code=1)


def tick_until_stopped(plant: Plant) -> Any:
    """In a replay nobody ticks but the replay."""
    is_over = threading.Event()

    def tick() -> None:
        while not is_over.wait(0.3):
            publish(plant, [Record(b"", b"", AT_MS, home_of(plant, AWAY.encode()))])

    thread = threading.Thread(target=tick)
    thread.start()
    return lambda: (is_over.set(), thread.join())


def test_a_release_writes_the_record_that_an_operator_applied_meanwhile(plant: Plant) -> None:
    site = "applied meanwhile"
    apply_sites(plant, {site: a_house(site, rated_w=10)})
    newest = asyncio.run(release._newest(plant.settings.broker, home_of(plant, site.encode()), site.encode(), 0))
    apply_sites(plant, {site: a_house(site, rated_w=20)})

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=plant.settings.broker)
        await producer.start()
        await release._write_over(plant.settings.broker, producer, newest)
        await producer.stop()

    asyncio.run(write())
    last = [one.value for one in everything_in(plant, TOPOLOGY_SITE) if one.key == site.encode()][-1]

    assert msgspec.json.decode(last, type=SiteRecord) == a_house(site, rated_w=20)


def test_the_ledger_is_read_by_its_own_form(plant: Plant) -> None:
    marks = [msgspec.json.decode(one.value, type=Mark) for one in everything_in(plant, REPLAYED)]

    assert {one.step for one in marks} == {"claimed", "sent"}
