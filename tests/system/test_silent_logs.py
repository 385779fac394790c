"""No payload and no secret in any line of a log: good readings, rejected ones, and one whose folding raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.contracts import Reason
from app.kafka.acls import acls_of
from app.kafka.broker import LocalBroker
from app.replay.poison import POISON
from app.topics import REJECTED, TWIN_UPDATED
from tests.system.plant import ROLES, START_MS, Plant, small_dataset, until
from tests.system.poisonous_worker import MARK_WH
from tests.system.secured import ADMIN, PASSWORDS, environ_of, grant, new_broker
from tests.system.wire import Record, a_reading, everything_in, publish

pytestmark = pytest.mark.broker

MARK = "payload-5b1f"
AT_MS = START_MS + 60_000
ALL = (*ROLES, "query")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("silent") / "secured"


@pytest.fixture(scope="module")
def broker(place: Path) -> Iterator[LocalBroker]:
    local = new_broker(place)
    local.start()
    yield local
    local.stop()


@pytest.fixture(scope="module")
def plant(broker: LocalBroker, place: Path) -> Iterator[Plant]:
    """Give a plant that logs all it can, with a user for each role."""
    changes = {name.removeprefix("VPP_").lower(): value for name, value in environ_of(place, ADMIN).items()}
    dataset = small_dataset(place / "dataset", minutes=2)
    plant = Plant(place / "plant", broker, dataset, **changes, log_level="debug", query_port=0, topology_wait_s=1)
    plant.make_topics()
    for role in ALL:
        asyncio.run(grant(plant.settings.broker, f"vpp-{role}", acls_of(role, dataset.meta.levels)))
        plant.worker(role).environ |= environ_of(place, f"vpp-{role}")
    plant.worker("twin").main = ["-m", "tests.system.poisonous_worker"]
    plant.worker("twin").environ["GRIDTWIN_COMPILED"] = "no"
    plant.worker("query").start()
    plant.start(*ROLES)
    yield plant
    plant.end()


def test_no_payload_and_no_password_is_in_any_line_of_a_log(plant: Plant) -> None:
    plant.replay(1)
    site = next(member for member in plant.dataset.topology() if member.type == "site")
    key, device = site.id.encode(), site.devices[0].device
    good = a_reading(device, AT_MS, 1, energy_import_wh=MARK_WH, note=MARK)
    bad = [make(key, good, AT_MS) for make in POISON.values()]
    raising = a_reading(device, AT_MS + 1000, 1, energy_import_wh=MARK_WH, reactive_power_var=1, note=MARK)
    publish(plant, [
        Record(key, good, AT_MS), *(Record(*one, AT_MS) for one in bad if any(one)), Record(key, raising, AT_MS + 1000),
    ])  # fmt: skip
    until(lambda: any(b"%d" % MARK_WH in one.value for one in everything_in(plant, TWIN_UPDATED)), "the good reading")
    until(lambda: str(Reason.INTERNAL_ERROR) in reasons(plant), "the one that raises")
    until(lambda: "the view is ready" in plant.log_of("query"), "the view")
    said = {role: plant.log_of(role) for role in ALL}

    assert {str(reason) for reason in (Reason.MALFORMED, Reason.OUT_OF_RANGE, Reason.TOO_LATE)} < reasons(plant)
    assert "readings of sites in quarantine were rejected" in said["twin"]
    secrets = (MARK, str(MARK_WH), *PASSWORDS.values())
    assert [(role, word) for role in ALL for word in secrets if word in said[role]] == []


def test_the_line_about_what_was_rejected_says_where_it_lies(plant: Plant) -> None:
    alarm = next(line for line in lines(plant, "twin") if "sites in quarantine" in line["event"])
    (last,) = (one for one in everything_in(plant, REJECTED) if dict(one.headers)["vpp-reason"] == b"internal_error")
    headers = dict(last.headers)

    assert alarm["role"] == "twin"
    assert (alarm["partition"], alarm["offset"]) == (int(headers["vpp-partition"]), int(headers["vpp-offset"]))


def test_every_line_of_a_log_is_json_and_names_its_role(plant: Plant) -> None:
    assert [role for role in ALL if {line["role"] for line in lines(plant, role)} != {role}] == []


def lines(plant: Plant, role: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in plant.log_of(role).splitlines()]


def reasons(plant: Plant) -> set[str]:
    """Return the reasons for which something was rejected so far."""
    return {dict(one.headers)["vpp-reason"].decode() for one in everything_in(plant, REJECTED)}
