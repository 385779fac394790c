"""Topology that changes while workers run: a site is registered, then moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from app.domain.contracts import DeviceRecord, Edge, NodeRecord, SiteRecord
from app.kafka.broker import LocalBroker
from app.topics import AGGREGATE_SITE, REJECTED, level_topic
from app.verify.compare import FINAL
from tests.builders import a_device
from tests.system.plant import MINUTE_MS, ROLES, START_MS, Plant, small_dataset, until
from tests.system.wire import Record, a_reading, apply_nodes, apply_sites, everything_in, publish

pytestmark = pytest.mark.broker

SITE = "a late house"
DEVICE = "its meter"
FIRST_MS, SECOND_MS, THIRD_MS = (START_MS + minute * MINUTE_MS for minute in (10, 11, 12))


@pytest.fixture
def plant(new_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("changes")
    plant = Plant(directory, new_broker, small_dataset(directory / "dataset", depth=1, minutes=1), topology_wait_s=1)
    plant.make_topics()
    with plant.running(*ROLES):
        yield plant


def a_house(*parents: Edge) -> SiteRecord:
    meter: DeviceRecord = a_device(DEVICE, interval_s=60)
    return SiteRecord(parents=parents, devices=(meter,))


def say(plant: Plant, at_ms: int, power_w: int) -> None:
    publish(plant, [Record(SITE.encode(), a_reading(DEVICE, at_ms, power_w), at_ms)])


def tick(plant: Plant, at_ms: int) -> None:
    publish(plant, [Record(b"", b"", at_ms, partition) for partition in range(plant.settings.partitions)])


def until_ticking(plant: Plant, at_ms: int, holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition while ticks come: a change of topology takes effect with the next record."""

    def holds_after_tick() -> bool:
        tick(plant, at_ms)
        return holds()

    until(holds_after_tick, what)


def windows_in(plant: Plant, topic: str) -> dict[tuple[str, int], Any]:
    """Return the newest revision of every window of a topic."""
    found: dict[tuple[str, int], Any] = {}
    for record in everything_in(plant, topic):
        row = msgspec.json.decode(record.value)
        key = row["node"], row.get("window_start_ms", -1)
        if key not in found or row["revision"] >= found[key]["revision"]:
            found[key] = row
    return found


def total(plant: Plant, node: str, start_ms: int) -> tuple[str, int, int]:
    """Return status, readings and sum of a node's window; nothing if there is none."""
    row = windows_in(plant, level_topic("feeder")).get((node, start_ms))
    if row is None:
        return "absent", 0, 0
    return row["status"], row["kinds"]["all"]["readings"], row["kinds"]["all"]["sum_w"]


def site_sum_w(plant: Plant, start_ms: int) -> int | None:
    row = windows_in(plant, AGGREGATE_SITE).get((SITE, start_ms))
    return row and row["kinds"]["all"]["sum_w"]


def test_a_site_is_refused_until_it_is_registered_and_counts_where_it_is(plant: Plant) -> None:
    apply_nodes(plant, {"old street": NodeRecord("feeder", "grid"), "new street": NodeRecord("feeder", "grid")})
    say(plant, FIRST_MS, 1)
    until(lambda: everything_in(plant, REJECTED), "its rejection")
    apply_sites(plant, {SITE: a_house(Edge("old street"))})
    say(plant, FIRST_MS, 2)
    say(plant, FIRST_MS + 1_000, 20)
    until(lambda: total(plant, "old street", FIRST_MS)[1:] == (2, 22), "its first readings")

    apply_sites(plant, {SITE: a_house(Edge("old street", 0, SECOND_MS), Edge("new street", SECOND_MS))})  # type: ignore[arg-type]
    say(plant, SECOND_MS, 10)
    say(plant, SECOND_MS - 1_000, 200)
    until_ticking(
        plant, THIRD_MS + 2 * MINUTE_MS, lambda: total(plant, "new street", SECOND_MS)[1:] == (1, 10), "that it moved"
    )
    until(lambda: total(plant, "old street", FIRST_MS)[1:] == (3, 222), "what it said before it moved")
    until(lambda: total(plant, "old street", SECOND_MS)[1:] == (0, 0), "that it is gone from where it was")
    until(lambda: total(plant, "new street", SECOND_MS)[0] in FINAL, "that its window closed")

    assert total(plant, "new street", FIRST_MS)[1:] == (0, 0)
    assert {headers["vpp-reason"] for headers in (dict(one.headers) for one in everything_in(plant, REJECTED))} == {
        b"unknown_site"
    }
    until(lambda: site_sum_w(plant, FIRST_MS) == 222, "its own first window")
    until(lambda: site_sum_w(plant, SECOND_MS) == 10, "its own second window")


def test_a_change_to_the_past_corrects_what_was_final(plant: Plant) -> None:
    apply_nodes(plant, {"old street": NodeRecord("feeder", "grid"), "new street": NodeRecord("feeder", "grid")})
    apply_sites(plant, {SITE: a_house(Edge("old street"))})
    say(plant, FIRST_MS, 1)
    tick(plant, SECOND_MS + 2 * MINUTE_MS)
    until(lambda: total(plant, "old street", FIRST_MS) == ("final", 1, 1), "its window to close")
    apply_sites(plant, {SITE: a_house(Edge("new street"))})
    until_ticking(
        plant, SECOND_MS + 2 * MINUTE_MS, lambda: total(plant, "new street", FIRST_MS)[1:] == (1, 1), "that it moved"
    )
    until(lambda: total(plant, "old street", FIRST_MS) == ("corrected", 0, 0), "that it is gone from where it was")

    assert total(plant, "new street", FIRST_MS) == ("corrected", 1, 1)
