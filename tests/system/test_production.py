"""With the broker's clock: ticks move silent partitions, and an outage of the broker is nobody's silence."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from app.domain.contracts import Edge, NodeRecord, SiteRecord
from app.kafka.broker import LocalBroker
from app.topics import TELEMETRY, TWIN_TRANSITIONED, level_topic
from app.verify.compare import FINAL
from tests.builders import a_device
from tests.system.plant import MINUTE_MS, ROLES, Plant, small_dataset, until
from tests.system.wire import Record, a_reading, apply_nodes, apply_sites, everything_in, home_of, publish

pytestmark = pytest.mark.broker

INTERVAL_S = 7
"""A site is delayed after three of them: less than the outage takes, more than a busy machine stands still."""
PAUSE_S = 2
OUTAGE_S = 24
ROUNDS = 4


@dataclass
class Village:
    """Sites of one partition that say something now; what they said, added up by window."""

    plant: Plant
    sites: list[str]
    said: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def speak(self, rounds: int) -> None:
        """Have every site report a few times."""
        for number in range(rounds):
            at_ms = int(time.time() * 1000)
            readings = {site: (number + 1) * 10**index for index, site in enumerate(self.sites)}
            publish(
                self.plant,
                [Record(site.encode(), a_reading(site, at_ms, power_w)) for site, power_w in readings.items()],
            )
            self.said[at_ms - at_ms % MINUTE_MS] += readings.values()
            time.sleep(PAUSE_S)

    def silences(self) -> list[tuple[str, str]]:
        """Return who became what because nothing was heard."""
        steps = [msgspec.json.decode(record.value) for record in everything_in(self.plant, TWIN_TRANSITIONED)]
        return [(one["site"], one["after"]) for one in steps if one["cause"] == "silence"]

    def sums(self) -> dict[int, tuple[str, int, int]]:
        """Return status, readings and sum of every window in which something was said."""
        return {
            start_ms: (row["status"], row["kinds"]["all"]["readings"], row["kinds"]["all"]["sum_w"])
            for start_ms, row in self.totals().items()
            if start_ms in self.said
        }

    def is_exact(self) -> bool:
        """Whether every window in which something was said is final, and holds just that."""
        sums = self.sums()
        return sums.keys() == self.said.keys() and all(
            status in FINAL and (count, sum_w) == (len(self.said[start_ms]), sum(self.said[start_ms]))
            for start_ms, (status, count, sum_w) in sums.items()
        )

    def totals(self) -> dict[int, Any]:
        """Return the newest revision of every window of the village."""
        found: dict[int, Any] = {}
        for record in everything_in(self.plant, level_topic("feeder")):
            row = msgspec.json.decode(record.value)
            if (
                not record.key.endswith(b"|live")
                and row["revision"] >= found.get(row["window_start_ms"], row)["revision"]
            ):
                found[row["window_start_ms"]] = row
        return found


@pytest.fixture(scope="module")
def village(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    directory = tmp_path_factory.mktemp("village")
    dataset = small_dataset(directory / "dataset", depth=1, groups=0, minutes=1)
    plant = Plant(directory, module_broker, dataset, telemetry_timestamps="append", tick_s=1, grace_s=0)
    plant.make_topics()
    names = (f"house {number}" for number in range(1_000))
    sites = [name for name in names if home_of(plant, name.encode()) == 0][:3]
    apply_nodes(plant, {"village": NodeRecord("feeder", "grid")})
    meters = {site: a_device(site, interval_s=INTERVAL_S) for site in sites}
    apply_sites(plant, {site: SiteRecord((Edge("village"),), (meter,)) for site, meter in meters.items()})
    with plant.running(*ROLES):
        yield Village(plant, sites)


def bounce(broker: LocalBroker) -> None:
    """Stop the broker, and start it on its port."""
    running = broker.running()
    assert running is not None
    broker.stop()
    time.sleep(OUTAGE_S)
    broker.port = int(running.address.rpartition(":")[2])
    broker.start()


def restart_those_that_ended(plant: Plant) -> None:
    """Do what an orchestrator does; a worker may live through an outage, or stop before it can do harm."""
    for role in ROLES:
        if plant.worker(role).exit_code is not None:
            plant.worker(role).start()


def test_an_outage_of_the_broker_is_nobodys_silence_and_ticks_show_the_sites_own(
    village: Village, module_broker: LocalBroker
) -> None:
    plant = village.plant
    village.speak(ROUNDS)
    until(lambda: plant.worker("twin").metrics().get("total_lag") == 0, "the twin worker to have read all")
    before = village.silences()
    bounce(module_broker)
    restart_those_that_ended(plant)
    for role in ROLES:
        plant.worker(role).wait_ready()
    village.speak(ROUNDS)
    after = village.silences()

    assert before == after == []
    until(lambda: {(site, "delayed") for site in village.sites} <= set(village.silences()), "their own silence")


def test_windows_of_silent_partitions_become_final_and_are_exact(village: Village) -> None:
    """One partition holds every site: the other three have nothing but ticks."""
    until(village.is_exact, "the end")
    ticks = [record for record in everything_in(village.plant, TELEMETRY) if record.partition != 0]

    assert {record.partition for record in ticks} == {1, 2, 3}
    assert {(record.key, record.value) for record in ticks} == {(b"", b"")}
