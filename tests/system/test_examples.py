"""The examples do what they say, with real workers between them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.kafka.broker import LocalBroker
from app.kafka.clients import BatchPublisher, partition_of
from app.topics import level_topic
from tests.system.commands import ROOT, gridtwin, run, until, workers

pytestmark = pytest.mark.broker

PARTITIONS = 8
DEVICE = {"device": "home-1/battery", "kind": "battery", "rated_power_w": 5000, "reporting_interval_s": 60}
TOPOLOGY = (
    {"type": "node", "id": "Elm Street", "level": "street", "hierarchy": "grid"},
    {"type": "site", "id": "home-1", "parents": [{"node": "Elm Street"}], "devices": [DEVICE]},
)


@pytest.fixture(scope="module")
def environ(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run both roles for one home in one street, as an operator would set them up."""
    running, directory = module_broker.running(), tmp_path_factory.mktemp("street")
    assert running is not None
    given = {"VPP_BROKER": running.address, "VPP_PARTITIONS": str(PARTITIONS), "VPP_PUBLISH_CADENCE_S": "0.2"}
    (directory / "topology.jsonl").write_text("\n".join(map(json.dumps, TOPOLOGY)))
    gridtwin(given, "topics", "create", "--levels", "street")
    gridtwin(given, "topology", "apply", str(directory / "topology.jsonl"))
    with workers(given, directory / "state"):
        yield given


@pytest.fixture
def consumed(environ: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """Run the consumer and give the file of its lines."""
    lines = tmp_path / "consumed.txt"
    with lines.open("w") as out:
        process = subprocess.Popen([sys.executable, "examples/consumer.py", "street"], cwd=ROOT,
                                   env={**os.environ, **environ}, stdout=out, stderr=subprocess.STDOUT)  # fmt: skip
    yield lines
    process.kill()
    process.wait()


def live(power_w: int) -> str:
    return f"Elm Street|live live complete {power_w} W"


def test_what_the_gateway_says_is_what_the_consumer_reads(environ: dict[str, str], consumed: Path) -> None:
    said = run(environ, "examples/gateway.py", "home-1", "home-1/battery", "-10", "-122")

    until(lambda: live(-122) in consumed.read_text(), "the live value of the street")
    until(lambda: " provisional " in consumed.read_text(), "a window of the street")
    assert f"partition {partition_of(b'home-1', PARTITIONS)} " in said


def test_the_consumer_leaves_out_a_lower_revision(environ: dict[str, str], consumed: Path) -> None:
    run(environ, "examples/gateway.py", "home-1", "home-1/battery", "-122")
    until(lambda: live(-122) in consumed.read_text(), "the live value of the street")
    asyncio.run(publish_again(environ["VPP_BROKER"], power_w=999))

    run(environ, "examples/gateway.py", "home-1", "home-1/battery", "-20")

    until(lambda: live(-20) in consumed.read_text(), "the live value that came last")
    assert live(999) not in consumed.read_text()


async def publish_again(broker: str, *, power_w: int) -> None:
    """Write what a restarted worker may say once more: an old value with its old revision."""
    old = {"revision": 0, "state": "complete", "as_of_ms": 1, "kinds": {"all": {"active_power_w": power_w}}}
    async with BatchPublisher(broker) as publisher:
        home = partition_of(b"Elm Street", PARTITIONS)
        await publisher.publish(level_topic("street"), home, [(b"Elm Street|live", json.dumps(old).encode(), (), None)])
