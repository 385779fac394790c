"""A deployment whose telemetry is copied into another number of partitions, by processes that may be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.generation import renamed
from app.kafka.clients import BatchPublisher, Message, partition_of, read_to_end
from app.kafka.repartition_progress import ProgressFile
from app.topics import TELEMETRY
from tests.system.plant import until

BEFORE, AFTER = 2, 3
LEVELS = ("--levels", "street")


class Copying:
    """One generation of topics and the next one, into which it is copied."""

    def __init__(self, broker: str, directory: Path, generation: int, **settings: str) -> None:
        self.broker, self.generation = broker, generation
        self.file = ProgressFile(directory, generation + 1)
        self.environ = {
            **os.environ, "VPP_BROKER": broker, "VPP_PARTITIONS": str(BEFORE), "VPP_DATA_DIR": str(directory),
            "VPP_GENERATION": str(generation), "VPP_TELEMETRY_TIMESTAMPS": "create", "VPP_TICK_S": "1", **settings,
        }  # fmt: skip
        self.gridtwin("topics", "create", *LEVELS)

    def gridtwin(self, *command: str, code: int = 0) -> str:
        """Run a command to its end."""
        done = subprocess.run([sys.executable, "-m", "app", *command], env=self.environ, capture_output=True, text=True,
                              timeout=120, check=False)  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def copy(self, *more: str, code: int = 0) -> str:
        """Copy to the end."""
        return self.gridtwin("topics", "repartition", *LEVELS, "--partitions", str(AFTER), *more, code=code)

    def die(self, place: str, times: int, *more: str) -> None:
        """Copy until it has left a place so many times, and dies there."""
        command = ("tests.system.dying_copy", place, str(times), "topics", "repartition", *LEVELS)
        done = subprocess.run([sys.executable, "-m", *command, "--partitions", str(AFTER), *more], env=self.environ,
                              capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr

    def kill(self) -> None:
        """Copy, and kill that from outside once it has noted how far it is."""
        before = self._written()
        command = ("app", "topics", "repartition", *LEVELS, "--partitions", str(AFTER))
        process = subprocess.Popen([sys.executable, "-m", *command], env=self.environ, stdout=subprocess.DEVNULL)
        try:
            until(lambda: self._written() > before or process.poll() is not None, "some records to be copied")
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL

    def _written(self) -> int:
        held = self.file.read()
        return sum(held.written.values()) if held else 0

    def write(self, topic: str, partitions: int, messages: Iterable[Message]) -> None:
        """Write to a topic of so many partitions, each key where it belongs."""

        async def send() -> None:
            homes: dict[int, list[Message]] = {}
            for message in messages:
                homes.setdefault(partition_of(message[0] or b"", partitions), []).append(message)
            async with BatchPublisher(self.broker) as publisher:
                for home, mine in homes.items():
                    await publisher.publish(topic, home, mine)

        asyncio.run(send())

    def before(self, topic: str = TELEMETRY) -> list[Any]:
        """Return everything in a topic that is copied."""
        return self._read(renamed(topic, self.generation))

    def after(self, topic: str = TELEMETRY) -> list[Any]:
        """Return everything in the copy of a topic."""
        return self._read(renamed(topic, self.generation + 1))

    def _read(self, topic: str) -> list[Any]:
        async def read() -> list[Any]:
            return [record async for record in read_to_end(self.broker, topic)]

        return asyncio.run(read())
