"""Three brokers, each its own process, one of them the controller's leader."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from app.kafka.admin import admin
from app.kafka.broker import LocalBroker, Runtime
from tests.faults import brokers
from tests.system.plant import until

BROKERS = 3
SETTINGS = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false",
    "replica.lag.time.max.ms": "4000",
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.election.timeout.ms": "1000",
    "controller.quorum.fetch.timeout.ms": "2000",
}


class ClusterBroker(LocalBroker):
    """One of the brokers; it needs to know the controllers of all."""

    def __init__(self, directory: Path, number: int, controllers: list[int]) -> None:
        super().__init__(directory, a_free_port())
        self.number = number
        self.controllers = controllers

    def _configure(self, runtime: Runtime, address: str, controller: str) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(self.controllers, 1))
        changes = {
            **SETTINGS,
            "node.id": str(self.number),
            "listeners": f"PLAINTEXT://{address},CONTROLLER://127.0.0.1:{self.controllers[self.number - 1]}",
            "advertised.listeners": f"PLAINTEXT://{address}",
            "controller.quorum.voters": voters,
        }
        settings = super()._configure(runtime, address, controller)
        kept = [line for line in settings.read_text().splitlines() if line.partition("=")[0] not in changes]
        settings.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in changes.items())]) + "\n")
        return settings

    def _format(self, runtime: Runtime, settings: Path) -> None:
        """The id of the node is part of what is formatted, so it has to be there by then."""
        text = settings.read_text()
        settings.write_text(
            text.replace("node.id=1\n", f"node.id={self.number}\n").replace("voters=1@", f"voters={self.number}@")
        )
        super()._format(runtime, settings)

    def launch(self) -> None:
        """Start without waiting for it to answer: alone it has no quorum."""
        self._wait = lambda *_: None  # type: ignore[method-assign]
        self.start()


class Cluster:
    """Stands in the place of a single broker."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port: int | None = None
        controllers = [a_free_port() for _ in range(BROKERS)]
        self.members = [ClusterBroker(directory / str(number), number, controllers) for number in range(1, BROKERS + 1)]

    def start(self) -> str:
        """Start all and return the address of the first, once all are registered."""
        for member in self.members:
            if member.running() is None:
                member.launch()
        until(lambda: len(self._registered()) == BROKERS, "three brokers")
        return f"127.0.0.1:{self.members[0].port}"

    @property
    def address(self) -> str:
        return ",".join(f"127.0.0.1:{member.port}" for member in self.members)

    def _registered(self) -> list[Any]:
        async def ask() -> list[Any]:
            async with admin(self.address) as client:
                return list((await client.describe_cluster())["brokers"])

        try:
            return asyncio.run(asyncio.wait_for(ask(), 10))
        except Exception:
            return []

    def running(self) -> Any:
        return next((held for member in self.members if (held := member.running()) is not None), None)

    def kill(self, number: int) -> None:
        brokers.kill(self.members[number])

    def stop(self) -> None:
        """Controllers wait for each other when they are told to stop; these are not told."""
        for member in self.members:
            brokers.kill(member)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
