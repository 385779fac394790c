"""A plant to look at with a browser: ids that are hostile, sites on a map, and a replay that goes on."""

from __future__ import annotations

import json
import random
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from app.demo.workers import WorkerProcess
from tests.system.deployment import ROLES, Deployment
from tests.worlds import World, device, edge, say_everything

START_MS = 1_464_782_400_000
MINUTE_MS = 60_000
REGION = "north"
STREET = "street/1 <script>document.title='hacked'</script>"
HOME = "<img src=x onerror=document.title='hacked'>"
CROWD = "crowd"
CROWDED = 620
MINUTES = 60
SHOWN_MS = START_MS + 10 * MINUTE_MS
SPEED = 15


def a_world_to_look_at() -> World:
    """Make a region with two streets, and a crowd of sites that say nothing."""
    world = World(start_ms=START_MS, end_ms=START_MS + MINUTES * MINUTE_MS, window_s=60)
    world.node(REGION, "region")
    world.node(STREET, "feeder", REGION)
    world.node(CROWD, "feeder", REGION)
    world.node("group:|sun", "group", hierarchy="group")
    world.site(HOME, STREET, battery=device("battery", interval_s=10, capacity_wh=5000), load=device("load"))
    for number in (1, 2, 10, 20):
        world.site(f"home {number}", STREET, "group:|sun", pv=device("pv"), load=device("load", interval_s=20))
    say_everything(world, random.Random(1), gaps=0.05)
    for number in range(CROWDED):
        world.site(f"quiet {number:03}", edge(CROWD), load=device("load", from_ms=START_MS + MINUTES * MINUTE_MS))
    return world


def a_dataset_to_look_at(dataset: Path) -> Path:
    """Write the world, and give every site that speaks a place."""
    a_world_to_look_at().write(dataset)
    lines = [json.loads(line) for line in (dataset / "topology.jsonl").read_text().splitlines()]
    speaking = [one for one in lines if one["type"] == "site" and not one["id"].startswith("quiet")]
    for number, one in enumerate(speaking):
        one["location"] = [10 + number / 10, 53 + (number % 3) / 20]
    (dataset / "topology.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return dataset


def a_free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PagePlant:
    """Workers of three roles, and a replay that shows a part of a dataset at once and then goes on."""

    def __init__(self, directory: Path, broker: str, dataset: Path) -> None:
        self.deployment = Deployment(directory, broker, dataset)
        self.port = a_free_port()
        environ = {**self.deployment.environ, "VPP_QUERY_PORT": str(self.port)}
        self.workers = {role: WorkerProcess(role, directory / "state", environ) for role in (*ROLES, "query")}
        self.replay: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, **chosen: Any) -> str:
        """Return the address of what is chosen."""
        return f"{self.address}/#{urlencode(chosen)}"

    def get(self, path: str, **parameters: Any) -> Any:
        """Ask the query worker."""
        return httpx.get(f"{self.address}/v1/{path}", params=parameters, timeout=60).raise_for_status().json()

    def begin(self, until_ms: int, *, speed: int = SPEED) -> None:
        """Replay until a time, and leave the rest coming."""
        self.deployment.gridtwin("topics", "create", "--dataset", self.deployment.dataset)
        self.start(*self.workers)
        self.deployment.gridtwin("replay", self.deployment.dataset, "--until", until_ms)
        self.replay = self.deployment.begin("replay", self.deployment.dataset, "--speed", speed)

    def start(self, *roles: str) -> None:
        """Start workers and wait until they have their state."""
        for role in roles:
            self.workers[role].start()
        for role in roles:
            self.workers[role].wait_ready()

    def kill(self, *roles: str) -> None:
        """End workers with SIGKILL."""
        for role in roles:
            self.workers[role].kill()

    def end(self) -> None:
        """End everything that was started."""
        if self.replay is not None:
            self.replay.kill()
            self.replay.wait()
        self.kill(*self.workers)
