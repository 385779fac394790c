"""Kafka over TLS with SCRAM or a certificate: every client connects by the same settings, and none without them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.kafka.acls import acls_of
from app.kafka.broker import LocalBroker
from app.topics import TWIN_UPDATED
from tests.system.offsets import committed, until_idle
from tests.system.passwords import set_password
from tests.system.plant import ROLES, START_MS, Plant, small_dataset, until
from tests.system.secured import ADMIN, HOLDER, PASSWORDS, USERS, certificate_of, environ_of, grant, new_broker, sign
from tests.system.wire import Record, publish

pytestmark = pytest.mark.broker

MECHANISM_OF = {"twin": "SCRAM-SHA-512", "rollup": "SCRAM-SHA-256"}
REFUSED = "no Kafka broker answers at"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secured") / "secured"


@pytest.fixture(scope="module")
def secured(place: Path) -> Iterator[LocalBroker]:
    broker = new_broker(place)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def plant(secured: LocalBroker, place: Path) -> Iterator[Plant]:
    changes = {name.removeprefix("VPP_").lower(): value for name, value in environ_of(place, ADMIN).items()}
    plant = Plant(place / "plant", secured, small_dataset(place / "dataset", minutes=2), **changes)
    plant.make_topics()
    for role in ROLES:
        asyncio.run(grant(plant.settings.broker, f"vpp-{role}", acls_of(role, plant.dataset.meta.levels)))
        plant.worker(role).environ |= environ_of(place, f"vpp-{role}", MECHANISM_OF[role])
    asyncio.run(grant(plant.settings.broker, HOLDER, acls_of("twin", ())))
    yield plant
    plant.end()


def run(plant: Plant, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    environ = {**os.environ, **plant.environ, **changes}
    return subprocess.run([sys.executable, "-m", "app", *command], env=environ, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip


def topics(plant: Plant, **changes: str) -> subprocess.CompletedProcess[str]:
    """Ask for the topics as an operator does."""
    return run(plant, "topics", "describe", "--levels", plant.dataset.meta.levels[0], **changes)


def test_workers_that_may_do_just_what_their_role_has_to_work_with_each_password_mechanism_and_a_certificate(
    plant: Plant, place: Path
) -> None:
    plant.start(*ROLES)
    plant.replay(1)
    until_idle(plant)
    assert plant.worker("twin").stop() == 0
    plant.worker("twin").environ |= certificate_of(place, "client")
    plant.start("twin")
    plant.replay()
    until_idle(plant)

    plant.assert_exact()
    assert topics(plant).returncode == 0


def test_a_listener_that_asks_for_a_certificate_refuses_who_has_none_and_who_has_another_authoritys(
    plant: Plant, place: Path
) -> None:
    none = {**certificate_of(place, "client"), "VPP_BROKER_CERTIFICATE_FILE": "", "VPP_BROKER_KEY_FILE": ""}
    answers = [topics(plant, **changes) for changes in (none, certificate_of(place, "stranger"))]

    assert [(done.returncode, REFUSED in done.stderr) for done in answers] == [(1, True)] * 2


def test_a_holder_of_a_certificate_that_may_not_do_all_it_has_to_is_told_what_is_missing(
    plant: Plant, place: Path, tmp_path: Path
) -> None:
    done = run(plant, "worker", "rollup", **certificate_of(place, "client"), VPP_DATA_DIR=str(tmp_path))

    assert done.returncode == 1
    assert "the holder of the certificate may not Read topic vpp.rollup.contributed.v1; Read" in done.stderr


def test_a_worker_that_may_not_do_all_it_has_to_stops_with_the_name_of_what_is_missing(
    plant: Plant, place: Path, tmp_path: Path
) -> None:
    lacking, user = {TWIN_UPDATED, "vpp-twin"}, USERS[-1]
    asyncio.run(grant(plant.settings.broker, user, [acl for acl in acls_of("twin", ()) if acl.name not in lacking]))
    done = run(plant, "worker", "twin", **environ_of(place, user), VPP_DATA_DIR=str(tmp_path))

    assert done.returncode == 1
    assert "user 'nearly' may not Write topic vpp.twin.updated.v1; Read group vpp-twin; `gridtwin" in done.stderr


def test_no_password_is_in_a_log_or_a_file_of_a_worker(plant: Plant) -> None:
    told = "".join(plant.log_of(role) for role in ROLES)
    files = [path for role in ROLES for path in plant.disk_of(role).rglob("*") if path.is_file()]

    assert told
    assert [word for word in PASSWORDS.values() if word in told] == []
    assert [path for path in files if any(word.encode() in path.read_bytes() for word in PASSWORDS.values())] == []


def test_a_wrong_password_is_refused(plant: Plant, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("twin-secret-20")
    done = topics(plant, VPP_BROKER_PASSWORD_FILE=str(wrong))

    assert done.returncode == 1
    assert REFUSED in done.stderr


def test_a_broker_that_our_authority_did_not_sign_is_refused(plant: Plant, tmp_path: Path) -> None:
    done = topics(plant, VPP_BROKER_CA_FILE="")

    assert done.returncode == 1
    assert REFUSED in done.stderr


def test_plain_text_reaches_nothing(plant: Plant) -> None:
    plain = dict.fromkeys(("VPP_BROKER_CA_FILE", "VPP_BROKER_USER", "VPP_BROKER_PASSWORD_FILE"), "")
    done = topics(plant, **plain, VPP_BROKER_SECURITY="local")

    assert done.returncode == 1
    assert REFUSED in done.stderr


def test_a_certificate_that_has_expired_is_refused_until_its_file_holds_a_new_one(plant: Plant, place: Path) -> None:
    sign(place, "renewed", "/O=gridtwin/CN=vpp-twin", "ca", days="-1")
    expired = topics(plant, **certificate_of(place, "renewed"))
    sign(place, "renewed", "/O=gridtwin/CN=vpp-twin", "ca")
    renewed = topics(plant, **certificate_of(place, "renewed"))

    assert (expired.returncode, REFUSED in expired.stderr) == (1, True)
    assert (renewed.returncode, renewed.stderr) == (0, "")


def test_a_password_is_changed_while_its_worker_runs_which_takes_the_new_one_from_its_file_at_the_next_start(
    plant: Plant, place: Path
) -> None:
    worker, file = plant.worker("rollup"), place / "vpp-rollup.password"
    asyncio.run(set_password(plant.settings.broker, "vpp-rollup", "another-secret-3"))
    old = topics(plant, **environ_of(place, "vpp-rollup", MECHANISM_OF["rollup"]))
    committed_before = committed(plant, "rollup")
    publish(plant, [Record(b"", b"", START_MS + 86_400_000, partition) for partition in range(4)])
    until(lambda: committed(plant, "rollup") > committed_before, "the worker that connected before to go on")
    file.write_text("another-secret-3\n")

    assert (old.returncode, REFUSED in old.stderr) == (1, True)
    assert worker.stop() == 0
    plant.start("rollup")
    assert "another-secret-3" not in plant.log_of("rollup")
