"""The doctor at a broker: a deployment that is well, then planted faults, each named with its remedy."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.__main__ import main
from app.doctor.examine import examine
from app.doctor.report import CHECKS
from app.domain import rollup_records, rollup_slots, site_rows
from app.kafka.admin import admin
from app.kafka.broker import LocalBroker
from app.topics import AGGREGATE_SITE, CONTRIBUTED, NODE_CHANGELOG, TELEMETRY, TWIN_CHANGELOG
from tests.system.plant import ROLES, Plant, small_dataset, until
from tests.unit.test_doctor import a_twin_row

pytestmark = pytest.mark.broker

PARTITIONS = 2
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Give topics stamped by the broker, and no workers."""
    directory = tmp_path_factory.mktemp("doctor")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", depth=1, minutes=1),
                  partitions=PARTITIONS, telemetry_timestamps="append", session_timeout_s=6, tick_s=1)  # fmt: skip
    plant.make_topics()
    plant.environ["VPP_DATA_DIR"] = str(directory / "twin")
    return plant


@pytest.fixture(autouse=True)
def environ(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in plant.environ.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the findings of a run by check: subjects, and what was seen of each."""

    def run(*options: str, watch: str = "0.2") -> dict[str, dict[str, str]]:
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "--json", "--watch", watch, *options])
        report = msgspec.json.decode(capsys.readouterr().out)
        assert ended.value.code == (0 if report["healthy"] else 1)
        assert all(finding["remedy"] for one in report["checks"] for finding in one["findings"])
        return {
            one["check"]: {finding["subject"]: finding["seen"] for finding in one["findings"]}
            for one in report["checks"]
            if one["status"] != "unknown"
        }

    return run


def write(topic: str, partition: int, value: bytes, key: bytes = b"p", **more: Any) -> None:
    async def send(client: Any) -> None:
        await client.start()
        await client.send_and_wait(topic, value, key=key, partition=partition, **more)
        await client.stop()

    async def run() -> None:
        await send(AIOKafkaProducer(bootstrap_servers=os.environ["VPP_BROKER"]))

    asyncio.run(run())


def now_ms() -> int:
    return round(time.time() * 1000)


def test_a_deployment_at_work_is_well(plant: Plant, look: Any) -> None:
    with plant.running(*ROLES):
        until(lambda: look(watch="2") == {check: {} for check in CHECKS}, "every check to be known and well")
        later = asyncio.run(examine(plant.environ, watch_s=3, least_free_bytes=0, now=lambda: time.time() + 3_600))
    (clock,) = [one for one in later.checks if one.check == "clock"]

    assert "behind ours" in clock.findings[0].seen


def test_a_role_without_workers_is_found(look: Any) -> None:
    until(lambda: look()["workers"].keys() == {"group vpp-twin", "group vpp-rollup"}, "sessions to end")


def test_a_clock_that_is_ahead_is_found_by_what_the_broker_stamps_meanwhile(plant: Plant) -> None:
    """As seen by a machine that is an hour behind."""
    is_over = threading.Event()

    def tick() -> None:
        while not is_over.wait(0.2):
            write(CONTRIBUTED, 0, b"", b"")

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        course = examine(plant.environ, watch_s=2, least_free_bytes=0, now=lambda: time.time() - 3_600)
        (clock,) = [one for one in asyncio.run(course).checks if one.check == "clock"]
    finally:
        is_over.set()
        thread.join()

    assert "ahead of ours" in clock.findings[0].seen


def test_a_partition_that_nobody_folds_is_stuck(look: Any) -> None:
    write(TELEMETRY, 1, b"", b"")

    assert "twin partition 1" in look()["partitions"]


def test_a_topic_that_is_missing_is_found(plant: Plant, look: Any) -> None:
    async def delete() -> None:
        async with admin(plant.settings.broker) as client:
            await client.delete_topics([AGGREGATE_SITE])

    asyncio.run(delete())
    until(lambda: look()["topics"] == {AGGREGATE_SITE: "does not exist"}, "it to be gone")
    plant.make_topics()
    until(lambda: look()["topics"] == {}, "it to be back")


def test_a_changelog_that_is_compacted_too_early_is_found(plant: Plant, look: Any) -> None:
    configs = {"cleanup.policy": "compact", "min.compaction.lag.ms": "0"}
    asyncio.run(_configure(plant, TWIN_CHANGELOG, configs))
    until(lambda: TWIN_CHANGELOG in look()["changelogs"], "its finding")

    assert look()["topics"] == {}


async def _configure(plant: Plant, topic: str, configs: dict[str, str]) -> None:
    async with admin(plant.settings.broker) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])


def test_the_remedy_of_a_setting_of_a_topic_is_the_command(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_configure(plant, NODE_CHANGELOG, {"cleanup.policy": "delete"}))
    wanted = f"--entity-name {NODE_CHANGELOG} --add-config cleanup.policy=[compact]"

    def is_told() -> bool:
        with pytest.raises(SystemExit):
            main(["doctor", "--watch", "0.1"])
        return wanted in capsys.readouterr().out

    until(is_told, "the command")


def test_another_number_of_partitions_than_the_topics_have_is_found(look: Any, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("VPP_PARTITIONS", "3")

    assert look()["topics"][TELEMETRY] == "partitions 2, needed 3"


def test_settings_that_the_state_was_not_written_with_are_found(look: Any, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("VPP_WINDOW_S", "300")
    until(lambda: "VPP_WINDOW_S" in look()["settings"], "its finding")


def test_state_that_is_ahead_of_its_log_is_found(look: Any) -> None:
    row = a_twin_row(now_ms(), stream_ms=now_ms())
    write(TWIN_CHANGELOG, 0, site_rows.encode_partition(row, 10**9))  # type: ignore[arg-type]

    assert "state has folded offset 1000000000" in look()["offsets"]["twin partition 0"]


def test_the_partition_that_holds_the_watermark_is_named(look: Any) -> None:
    at_ms = now_ms()
    watermarks: dict[int, Any] = {0: (0, at_ms), 1: (0, at_ms - 60 * MINUTE_MS)}
    for partition in range(PARTITIONS):
        late_ms = at_ms - 60 * MINUTE_MS * partition
        twin = site_rows.encode_partition(a_twin_row(late_ms, stream_ms=late_ms), 0)  # type: ignore[arg-type]
        rollup = rollup_records.PartitionRow(PARTITIONS, MINUTE_MS, watermarks, None, 0)  # type: ignore[arg-type]
        write(TWIN_CHANGELOG, partition, twin)
        write(NODE_CHANGELOG, partition, rollup_slots.encode_partition(rollup, 0))  # type: ignore[arg-type]

    found = look()["watermark"]
    assert found.keys() == {"telemetry partition 1"}
    behind = re.search(r"([\d,]+) s behind", found["telemetry partition 1"])
    assert behind is not None
    assert 3_600 <= int(behind[1].replace(",", "")) <= 3_601 + (now_ms() - at_ms) // 1000


def test_a_partition_row_is_found_behind_a_flush_of_many_rows(look: Any) -> None:
    async def fill() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=os.environ["VPP_BROKER"])
        await producer.start()
        sent = [await producer.send(TWIN_CHANGELOG, b"x" * 8, key=b"s%d" % n, partition=0) for n in range(3_000)]
        await asyncio.gather(*sent)
        await producer.stop()

    row = a_twin_row(now_ms(), stream_ms=now_ms())
    write(TWIN_CHANGELOG, 0, site_rows.encode_partition(row, 10**6))  # type: ignore[arg-type]
    asyncio.run(fill())

    assert "state has folded offset 1000000," in look()["offsets"]["twin partition 0"]


def test_a_disk_without_space_is_found(plant: Plant, look: Any) -> None:
    assert look("--least-free-gb", "1e9")["disk"].keys() == {plant.environ["VPP_DATA_DIR"]}


def test_without_a_broker_the_rest_is_unknown(look: Any, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("VPP_BROKER", "127.0.0.1:1")
    found = look()

    assert found["broker"].keys() == {"127.0.0.1:1"}
    assert found.keys() == {"settings", "disk", "broker"}


def test_settings_that_cannot_be_used_are_told_before_anything_else(look: Any, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("VPP_TICK_S", "0")

    assert look() == {"settings": {"VPP_TICK_S": "VPP_TICK_S is '0'; allowed: a number from 1 to 3600"}}
