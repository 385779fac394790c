"""Topics, topology and tail, as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from tests.system.deployment import Deployment
from tests.worlds import World, device

pytestmark = pytest.mark.broker

NOON_MS = 1_464_782_400_000
LEVELS = ("--levels", "feeder,grid")


@pytest.fixture(scope="module")
def one(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with topics for a small world, of which nothing is applied yet."""
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 60_000)
    world.node("top", "grid")
    world.node("f1", "feeder", "top")
    world.site("s1", "f1", d1=device())
    running = module_broker.running()
    assert running is not None
    directory = tmp_path_factory.mktemp("commands")
    made = Deployment(directory, running.address, world.write(directory / "dataset"))
    made.gridtwin("topics", "create", *LEVELS)
    return made


def lines(directory: Path, *members: object) -> Path:
    file = directory / "topology.jsonl"
    file.write_text("".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in members))
    return file


def node(name: str, level: str, *parents: str, **more: object) -> dict[str, object]:
    edges = [{"node": parent} for parent in parents]
    return {"type": "node", "id": name, "level": level, "hierarchy": "grid", "parents": edges, **more}


def site(name: str, *parents: str, **more: object) -> dict[str, object]:
    return {"type": "site", "id": name, "parents": [{"node": parent} for parent in parents], **more}


def a_device(name: str, **more: object) -> dict[str, object]:
    return {"device": name, "kind": "load", "rated_power_w": 10, "reporting_interval_s": 60, **more}


def test_topics_are_made_once(one: Deployment) -> None:
    again = one.gridtwin("topics", "create", *LEVELS)

    assert again == "0 topics made, 14 were there already\n"
    assert one.gridtwin("topics", "describe", *LEVELS).count("  ok\n") == 14


def test_a_topic_that_differs_is_refused_with_a_diff_and_nothing_is_changed(one: Deployment) -> None:
    refused = one.gridtwin("topics", "create", *LEVELS, "--levels", "other", code=1, VPP_PARTITIONS="5")

    assert "vpp.telemetry.reported.v1: partitions 3, needed 5" in refused
    assert "vpp-rollup-node-slots-changelog: partitions 3, needed 5" in refused
    assert "vpp.aggregate.other.v1" in one.gridtwin("topics", "describe", "--levels", "other", code=1)
    assert one.gridtwin("topics", "describe", "--levels", "other", code=1).count("missing") == 1


def test_topics_that_kafka_refuses_are_not_made_in_part(one: Deployment, tmp_path: Path) -> None:
    too_long = "x" * 220

    refused = one.gridtwin("topics", "create", "--levels", f"fine,{too_long},{'é' * 60}", code=1)

    assert "makes a topic name of" in refused
    assert one.gridtwin("topics", "describe", "--levels", "fine", code=1).count("missing") == 1


def test_every_fault_of_a_topology_is_printed_and_nothing_is_written(one: Deployment, tmp_path: Path) -> None:
    file = lines(
        tmp_path,
        node("a", "grid", "b"),
        node("b", "grid", "a"),
        node("c", "village", "nowhere"),
        node("s9", "grid"),
        site("s9", "a", "b", devices=[a_device("d", kind="Big One"), a_device("d", reporting_interval_s=0)]),
        '{"type":"site","id":7}\n',
        "cut sho",
    )

    refused = one.gridtwin("topology", "apply", file, code=1)

    for words in (
        "cycle: a -> b -> a",
        "node 'c': parent 'nowhere' is not a node",
        "node 'c': level 'village' has no topic; `gridtwin topics create --levels village` makes it",
        "'a' and 'b' are both parents in hierarchy 'grid' at one time",
        "kind 'Big One' is not a lower-case word",
        "device 'd' is at site 's9' twice",
        "reporting_interval_s is 0; expected 1 to 86400",
        "'s9' is a node and a site",
        "line 6: Expected `str`, got `int`",
        "line 7: JSON is malformed",
    ):
        assert words in refused
    assert "neither a node nor a site" in one.gridtwin("topology", "show", "a", code=1)


def test_a_dry_run_says_what_would_change_and_writes_nothing(one: Deployment, tmp_path: Path) -> None:
    file = lines(tmp_path, node("dry", "grid"))

    said = one.gridtwin("topology", "apply", file, "--dry-run")

    assert said == "add node dry\n1 records would change, 0 as before\n"
    assert "neither a node nor a site" in one.gridtwin("topology", "show", "dry", code=1)


def test_what_changes_is_said_and_only_that_is_written(one: Deployment, tmp_path: Path) -> None:
    first = lines(tmp_path, node("x", "grid"), node("y", "feeder", "x"), site("home", "y", devices=[a_device("oven")]))
    one.gridtwin("topology", "apply", first)
    other = a_device("oven", kind="sauna")
    second = lines(tmp_path, node("x", "grid"), node("z", "feeder", "x"), site("home", "z", devices=[other]),
                   {"type": "node", "id": "y", "removed": True})  # fmt: skip

    said = one.gridtwin("topology", "apply", second)

    assert said.splitlines() == [
        "add node z",
        "change site home: parents, devices",
        "remove node y",
        "note: kind 'sauna' is not one of those that have an operation state",
        "3 records written, 1 as before",
    ]
    assert one.gridtwin("topology", "apply", second).endswith("0 records written, 4 as before\n")
    assert one.gridtwin("topology", "show", "home").splitlines()[1:3] == ["  in grid x (grid)", "  in feeder z (grid)"]
    assert "1 nodes and 0 sites directly below, 1 sites in all" in one.gridtwin("topology", "show", "x")


def test_other_numbers_of_partitions_than_the_topics_have_are_refused(one: Deployment) -> None:
    for command in ("replay", "verify"):
        refused = one.gridtwin(command, one.dataset, code=1, VPP_PARTITIONS="4")

        assert "vpp.telemetry.reported.v1 has 3 partitions, expected 4" in refused
    assert "has 3 partitions, expected 4" in one.gridtwin("topology", "apply", one.dataset, code=1, VPP_PARTITIONS="4")


def test_a_dataset_cut_short_is_refused_before_anything_is_published(one: Deployment, tmp_path: Path) -> None:
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 60_000)
    world.node("only here", "grid")
    world.site("s2", "only here", d1=device())
    world.say("s2", "d1", NOON_MS, 1)
    dataset = world.write(tmp_path / "cut")
    (dataset / "telemetry.jsonl").write_bytes((dataset / "telemetry.jsonl").read_bytes()[:-20])

    refused = one.gridtwin("replay", dataset, code=1)

    assert "telemetry.jsonl, line 1" in refused
    assert "is it cut short?" in refused
    assert "neither a node nor a site" in one.gridtwin("topology", "show", "only here", code=1)


def test_a_level_without_a_topic_has_nothing_to_follow(one: Deployment) -> None:
    said = one.gridtwin("tail", "village", "--once", code=1)

    assert "topic vpp.aggregate.village.v1 does not exist; make the topics with `gridtwin topics create`" in said


def test_a_broker_says_that_it_answers_and_stops_by_its_id(one: Deployment, module_broker: LocalBroker) -> None:
    """The last of this module: it stops the broker."""
    place = ("--dir", module_broker.directory)

    assert "a broker runs in" in one.gridtwin("broker", "start", *place, code=1)
    assert f"Kafka answers at {one.environ['VPP_BROKER']}" in one.gridtwin("broker", "status", *place)
    assert one.gridtwin("broker", "stop", *place) == "stopped\n"
    assert "no broker runs" in one.gridtwin("broker", "status", *place, code=1)
    assert "no broker runs" in one.gridtwin("broker", "stop", *place, code=1)
    assert one.gridtwin("topics", "describe", *LEVELS, code=1) == (
        f"gridtwin: no Kafka broker answers at {one.environ['VPP_BROKER']}; start one with `gridtwin broker start`, "
        "or set VPP_BROKER\n"
    )
