"""Bad topology, through the real topics: ignored, reported by the worker, healed when it is mended."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from app.dataset.format import Member
from app.domain.contracts import Edge, NodeRecord, SiteRecord
from app.kafka.broker import LocalBroker
from app.topics import level_topic
from tests.system.exactness import Exactness
from tests.system.plant import ROLES, Plant, small_dataset, until
from tests.system.wire import apply_nodes, apply_sites, everything_in

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def plant(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a plant in the middle of its dataset: every test replays some minutes more."""
    directory = tmp_path_factory.mktemp("topology")
    plant = Plant(directory, module_broker, small_dataset(directory / "dataset", minutes=14), topology_wait_s=1)
    plant.make_topics()
    with plant.running(*ROLES):
        plant.replay(4)
        yield plant


DAY_MS = 86_400_000


def sites_of(plant: Plant) -> list[tuple[str, SiteRecord]]:
    members = [member for member in plant.dataset.topology() if member.type == "site"]
    return [(member.id, member.record) for member in members if isinstance(member.record, SiteRecord)]


def node_of(plant: Plant, level: str) -> Member:
    return next(member for member in plant.dataset.topology() if member.level == level)


def break_topology(plant: Plant) -> list[str]:
    """Write a fault of every kind; return a word of what has to be reported for each."""
    (first, one), (second, two), (third, three) = sites_of(plant)[:3]
    feeder, region = node_of(plant, "feeder"), node_of(plant, "region")
    apply_nodes(plant, {
        feeder.id: b'{"level":',
        region.id: NodeRecord("region", "grid", (Edge(node_of(plant, "substation").id),)),
        "loose": NodeRecord("feeder", "grid", (Edge("nowhere"),)),
        "deep": b"[" * 100_000,
    })  # fmt: skip
    foreign = msgspec.structs.replace(three.devices[0], valid_from_ms=plant.dataset.meta.end_ms + DAY_MS)
    apply_sites(plant, {
        first: msgspec.structs.replace(one, parents=(*one.parents, Edge("substation-000000"))),
        second: msgspec.structs.replace(two, devices=(*two.devices, two.devices[0], foreign)),
        third: msgspec.structs.replace(three, devices=(*three.devices, *_absurd(three))),
        "wrong": b'{"parents":[{"node":7}],"devices":[]}',
    })  # fmt: skip
    return [
        f"{feeder.id!r} is not valid", "'deep' is not valid", "'wrong' is not valid", "cycle: ",
        "'nowhere' is not a node", f"site {first!r}: ", f"device {two.devices[0].device!r} is ", 
        f"device {foreign.device!r} is at site",
        "reporting_interval_s is 0", "rated_power_w is -1", "is not a lower-case word",
    ]  # fmt: skip


def _absurd(site: SiteRecord) -> list[object]:
    like = site.devices[0]
    changes = {"reporting_interval_s": 0, "rated_power_w": -1, "kind": "all Kinds"}
    absurd = [
        msgspec.structs.replace(like, device=f"absurd {name}", **{name: value}) for name, value in changes.items()
    ]
    return [
        *absurd,
        msgspec.structs.replace(like, device="absurd size", rated_power_w=10**18, reporting_interval_s=10**15),
    ]


def test_bad_topology_is_reported_stops_nothing_and_heals(plant: Plant) -> None:
    """A replay writes the whole topology when it begins, which mends it; that takes effect with what comes after."""
    pids = [plant.worker(role).pid for role in ROLES]
    with plant.replaying(3, speed=30.0) as replay:
        until(lambda: replay.published > 100, "telemetry")
        words = break_topology(plant)
        until(lambda: all(word in plant.log_of("twin") for word in words), "every fault in the log")
        until(lambda: plant.worker("twin").metrics().get("topology_faults", 0) >= len(words), "faults in the metrics")
    apply_sites(plant, {"wrong": None})
    apply_nodes(plant, {"loose": None, "deep": None})
    plant.replay(1)
    until(lambda: plant.worker("twin").metrics().get("topology_faults") == 0, "no fault")
    plant.replay(1)

    assert Exactness(plant).wait(plant.at_ms) > 0
    assert "mended" in plant.log_of("twin")
    assert [plant.worker(role).pid for role in ROLES] == pids


def test_a_node_whose_level_has_no_topic_is_reported_until_it_has_one(plant: Plant) -> None:
    pids = [plant.worker(role).pid for role in ROLES]
    (site, record), *_ = sites_of(plant)
    edges = (*record.parents, Edge("tariff 1"), Edge("tariff 2"))
    impossible = "x" * 300
    with plant.replaying(3, speed=30.0) as replay:
        until(lambda: replay.published > 100, "telemetry")
        apply_nodes(plant, {"tariff 1": NodeRecord("tariff", "tariff"), "tariff 2": NodeRecord(impossible, "other")})
        apply_sites(plant, {site: msgspec.structs.replace(record, parents=edges)})
        until(lambda: without_topic(plant) == ["tariff", impossible], "its report")
        plant.make_topics("tariff")
        until(lambda: without_topic(plant) == [impossible], "its topic")
        until(
            lambda: any(one.key.startswith(b"tariff 1|") for one in everything_in(plant, level_topic("tariff"))), "it"
        )
    plant.replay(2)

    assert Exactness(plant).wait(plant.at_ms) > 0
    assert "level 'tariff' has no topic" in plant.log_of("rollup")
    assert [plant.worker(role).pid for role in ROLES] == pids


def without_topic(plant: Plant) -> list[str]:
    found: list[str] = plant.worker("rollup").metrics().get("levels_without_topic", [])
    return found
