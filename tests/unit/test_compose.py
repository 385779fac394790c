"""The dev stack, as far as it can be held without containers."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.kafka.java import DEPLOY
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SBOM = runpy.run_path(str(ROOT / "deploy" / "sbom.py"))
STAGES = re.split(r"^FROM ", (ROOT / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
WORKERS = {name: service for name, service in SERVICES.items() if service.get("command", [""])[0] == "worker"}
COMMANDS = {name: service for name, service in SERVICES.items() if "build" in service}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return what is mounted, by where."""
    return {place: source for source, place, *_ in (volume.split(":") for volume in service.get("volumes", []))}


def test_the_stack_is_kafka_a_setup_workers_of_every_role_and_a_replayer() -> None:
    assert set(SERVICES) == {"kafka", "setup", "twin-1", "twin-2", "rollup-1", "query-1", "replayer"}
    assert [service["command"][1] for service in WORKERS.values()] == ["twin", "twin", "rollup", "query"]


def test_the_query_worker_answers_this_machine_only() -> None:
    settings = Settings.load(SERVICES["query-1"]["environment"])

    assert settings.query_host == "0.0.0.0"
    assert SERVICES["query-1"]["ports"] == [f"127.0.0.1:${{QUERY_PORT:-8086}}:{settings.query_port}"]


def test_kafka_reads_the_properties_of_the_local_broker() -> None:
    source = mounts(SERVICES["kafka"])["/mnt/shared/config/server.properties"]

    assert (ROOT / source).resolve() == DEPLOY / "server.properties"


def test_what_the_environment_appends_to_the_properties_is_not_in_the_file_but_for_the_names_of_listeners() -> None:
    lines = (DEPLOY / "server.properties").read_text().splitlines()
    held = {line.split("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    appended = {
        name.removeprefix("KAFKA_").lower().replace("_", ".")
        for name in SERVICES["kafka"]["environment"]
        if name.startswith("KAFKA_")
    }

    assert held & appended == {"listener.security.protocol.map"}


def test_kafka_is_of_the_version_of_the_local_broker() -> None:
    pom = (DEPLOY / "pom.xml").read_text()

    assert f"<version>{SERVICES['kafka']['image'].split(':')[1]}</version>" in pom


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_of_a_service_exists_and_is_valid(name: str) -> None:
    settings = Settings.load(COMMANDS[name]["environment"])

    assert f"PLAINTEXT://{settings.broker}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert settings.telemetry_timestamps == "create"


@pytest.mark.parametrize("name", COMMANDS)
def test_services_differ_in_nothing_that_decides_a_number(name: str) -> None:
    assert Settings.load(COMMANDS[name]["environment"]).rules() == Settings.load(COMPOSE["x-settings"]).rules()


def test_every_worker_has_a_volume_of_its_own_where_its_state_is() -> None:
    volumes = [mounts(service)["/state"] for service in (*WORKERS.values(), SERVICES["replayer"])]

    assert len(set(volumes)) == len(volumes)
    assert set(volumes) <= set(COMPOSE["volumes"])
    assert "VPP_DATA_DIR=/state" in STAGES[-1]


def test_every_worker_of_a_group_is_a_static_member_of_its_own() -> None:
    in_groups = [service for service in WORKERS.values() if service["command"][1] != "query"]
    members = [(service["command"][1], service["environment"]["VPP_MEMBER_ID"]) for service in in_groups]

    assert all(member for _, member in members)
    assert len(set(members)) == len(members)


@pytest.mark.parametrize("name", WORKERS)
def test_the_health_of_a_worker_is_asked_of_itself(name: str) -> None:
    worker = WORKERS[name]
    asked = re.findall(r"//([\w.]+):(\d+)/(\w*)", worker["healthcheck"]["test"][-1])
    port, path = ("VPP_QUERY_PORT", "healthz") if worker["command"][1] == "query" else ("VPP_WEB_PORT", "livez")

    assert asked == [("127.0.0.1", worker["environment"][port], path)]


def test_workers_come_back_and_the_setup_ends_when_it_has_done_its_work() -> None:
    assert {service["restart"] for service in WORKERS.values()} == {"unless-stopped"}
    assert SERVICES["setup"]["restart"] == "on-failure"
    for service in (*WORKERS.values(), SERVICES["replayer"]):
        assert service["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def test_a_worker_has_longer_to_stop_than_it_needs_to_flush() -> None:
    for worker in WORKERS.values():
        assert int(worker["stop_grace_period"].removesuffix("s")) > 10


@pytest.mark.parametrize("name", COMMANDS)
def test_a_service_can_change_nothing_but_its_volume(name: str) -> None:
    service = COMMANDS[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":/state") or volume.endswith(":ro") for volume in service.get("volumes", []))


def test_the_image_runs_as_an_ordinary_user_from_the_source_root() -> None:
    assert re.findall(r"^USER (.*)$", STAGES[-1], flags=re.MULTILINE) == ["10001:10001"]
    assert "install -d -o 10001 -g 10001 /state" in STAGES[-1]
    assert "WORKDIR /gridtwin\n" in STAGES[-1]
    assert "COPY --from=build /gridtwin /gridtwin\n" in STAGES[-1]


def test_the_image_installs_locked_wheels_and_no_compiler() -> None:
    assert "--only-binary :all: --require-hashes -r requirements.txt" in STAGES[0]
    assert not any(word in "".join(STAGES) for word in ("apt-get", "gcc", "build-essential"))
    assert "-slim-" in STAGES[-1].split()[0]
    assert "pip install" not in STAGES[-1]


def test_the_image_holds_no_package_that_only_developers_need_and_all_that_workers_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    developers = {re.split(r"[>=<]", line)[0] for line in project["optional-dependencies"]["dev"]}
    workers = SBOM["installed"](project["dependencies"])
    removed = re.search(r"pip uninstall --yes \\\n(.*)", STAGES[0])

    assert removed is not None
    assert set(removed[1].split()) == (developers | {"setuptools", "pip"}) - set(workers)


def test_an_image_in_which_a_worker_cannot_start_or_runs_a_core_that_is_not_compiled_is_not_made() -> None:
    check = re.search(r'RUN python -c "import ([\w., ]+) as core; assert core.is_in_use\(\)"', STAGES[-1])

    assert check is not None
    assert set(check[1].split(", ")) >= {"app.query.serve", "app.batch", "app.main", "app.compiled"}
    assert STAGES[0].index("compile_core.py && rm") > STAGES[0].index("COPY app app")


def test_images_are_pinned_by_version() -> None:
    images = [stage.split()[0] for stage in STAGES] + [SERVICES["kafka"]["image"]]

    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in images)
    assert len({image.replace("-slim", "") for image in images[:-1]}) == 1


def test_what_the_image_copies_is_all_that_is_sent_to_its_build() -> None:
    copied = {line.split()[1] for line in STAGES[0].splitlines() if line.startswith("COPY ")}
    ignored = (ROOT / ".dockerignore").read_text().split()

    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
