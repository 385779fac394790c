"""Workers seen from outside: alive is a loop that turns, ready is state that is restored; Kafka decides neither."""

from __future__ import annotations

import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.kafka.broker import LocalBroker
from app.topics import TELEMETRY
from tests.system.offsets import until_idle
from tests.system.plant import ROLES, Plant, small_dataset, until
from tests.system.wire import everything_in

pytestmark = pytest.mark.broker

PATIENCE_S = 2.0
WELL = 200
SILENT = 0
ASKED_WHILE_AWAY = 20
BOUNDED = {"outcome", "reason", "machine", "after", "level", "partition", "table", "phase", "le"}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("seen")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", minutes=6))
    plant.make_topics()
    for role in ROLES:
        plant.worker(role).environ["VPP_WEB_PORT"] = free_port()
    yield plant
    plant.end()


def code_of(plant: Plant, role: str, path: str) -> int:
    """Return the status of a question; 0 if there is no answer in time."""
    try:
        with urllib.request.urlopen(address(plant, role, path), timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return SILENT


def address(plant: Plant, role: str, path: str) -> str:
    return f"http://127.0.0.1:{plant.worker(role).environ['VPP_WEB_PORT']}/{path}"


def samples(plant: Plant, role: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return what Prometheus would read: values by labels, by name."""
    with urllib.request.urlopen(address(plant, role, "metrics"), timeout=60) as answer:
        text = answer.read().decode()
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(sorted(one.labels.items()))] = one.value
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_that_starts_is_alive_and_not_ready_until_it_has_its_state(plant: Plant, role: str) -> None:
    plant.worker(role).start()
    until(lambda: code_of(plant, role, "livez") == WELL, "an answer")
    first = code_of(plant, role, "readyz")
    until(lambda: code_of(plant, role, "readyz") == WELL, "ready")

    assert first == 503
    assert plant.worker(role).metrics()["is_ready"]


def test_readings_are_counted_by_what_became_of_them(plant: Plant) -> None:
    plant.replay(4)
    until_idle(plant)
    counted = samples(plant, "twin")["gridtwin_readings_total"]
    sent = [msgspec.json.decode(record.value) for record in everything_in(plant, TELEMETRY) if record.key]

    assert sum(counted.values()) == sum(len(one) if isinstance(one, list) else 1 for one in sent)
    assert counted[(("outcome", "applied"), ("reason", ""))] > 0
    assert counted[(("outcome", "duplicate"), ("reason", ""))] > 0


@pytest.mark.parametrize("role", ROLES)
def test_labels_never_name_a_site_or_anything_else_that_has_no_bound(plant: Plant, role: str) -> None:
    found = samples(plant, role)
    labels = {label for values in found.values() for pairs in values for label in pairs}

    assert {name for name, _ in labels} <= BOUNDED
    assert len(labels) < 150


def test_lag_time_flushes_and_state_are_told(plant: Plant) -> None:
    found = samples(plant, "twin")

    assert sum(found["gridtwin_lag_records"].values()) == 0
    assert len(found["gridtwin_stream_time_age_seconds"]) == plant.settings.partitions
    assert found["gridtwin_flush_seconds_count"][(("phase", "flush"),)] > 0
    assert found["gridtwin_state_rows"][(("table", "site-twin"),)] >= 36
    assert found["gridtwin_state_bytes"][(("table", "site-twin"),)] > 0
    assert found["gridtwin_restores_total"][()] >= 1
    assert found["gridtwin_event_loop_stall_seconds_count"][()] > 0


def test_every_level_shows_its_newest_final_window_and_its_coverage(plant: Plant) -> None:
    levels = {(("level", level),) for level in plant.dataset.meta.levels}
    until(
        lambda: samples(plant, "rollup").get("gridtwin_newest_final_window_seconds", {}).keys() == levels, "all levels"
    )
    shares = samples(plant, "rollup")["gridtwin_coverage_ratio"]

    assert shares.keys() == levels
    assert all(0 < share <= 1 for share in shares.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_worker_that_stands_still_is_not_alive(plant: Plant, role: str) -> None:
    os.kill(plant.worker(role).pid, signal.SIGSTOP)
    seen = code_of(plant, role, "livez")
    os.kill(plant.worker(role).pid, signal.SIGCONT)

    assert seen == SILENT
    until(lambda: code_of(plant, role, "livez") == WELL, "it to be alive again")


def test_a_broker_that_is_away_makes_no_worker_look_broken(plant: Plant, module_broker: LocalBroker) -> None:
    until(lambda: all(code_of(plant, role, "readyz") == WELL for role in ROLES), "both ready")
    module_broker.stop()
    seen = [
        code_of(plant, role, path) for _ in range(ASKED_WHILE_AWAY) for role in ROLES for path in ("livez", "readyz")
    ]

    assert seen == [WELL] * len(seen)
