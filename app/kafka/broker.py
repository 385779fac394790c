"""A real single-node Apache Kafka on this machine, for demos, tests and development."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from app.errors import GridtwinError
from app.kafka.java import DEPLOY, broker_jars, java
from app.kafka.security import Security, Servers, connection

HEAP = "512m"
CLUSTER_ID = "Z3JpZHR3aW4tbG9jYWwtMQ"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


class Running(msgspec.Struct):
    """What is known of a started broker; `started` guards against another process with its id."""

    pid: int
    started: str
    address: str


class Runtime(NamedTuple):
    """Java and Kafka's jars."""

    java: str
    jars: Path

    @property
    def command(self) -> list[str]:
        """The command line up to the main class."""
        return [self.java, f"-Xmx{HEAP}", f"-Xms{HEAP}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", f"{self.jars}/*"]  # fmt: skip


class LocalBroker:
    """A broker whose data, log and process id live in one directory."""

    def __init__(self, directory: Path, port: int | None = None, *, security: Security | None = None,
                 properties: str = "", format_options: Sequence[str] = ()) -> None:  # fmt: skip
        self.directory = directory.resolve()
        self.port = port
        self.security = security or Security()
        self.properties = properties
        """Lines that are put behind ours: the last of a name holds."""
        self.format_options = format_options
        self._state = self.directory / "broker.json"

    def start(self) -> str:
        """Start it and return its address once it answers."""
        if self.running() is not None:
            raise GridtwinError(f"a broker runs in {self.directory} already; `gridtwin broker stop` stops it")
        runtime = Runtime(java(), broker_jars())
        address, controller = (f"127.0.0.1:{port}" for port in self._free_ports())
        process = self._launch(runtime, self._configure(runtime, address, controller))
        self._state.write_bytes(msgspec.json.encode(Running(process.pid, _started(process.pid), address)))
        try:
            self._wait(process, address)
        except BaseException:
            process.kill()
            process.wait()
            self._state.unlink()
            raise
        return address

    def stop(self) -> None:
        """Stop it, by its id."""
        running = self.running()
        if running is None:
            raise GridtwinError(f"no broker runs in {self.directory}")
        _end(running)
        self._state.unlink()

    def running(self) -> Running | None:
        """Return the broker of this directory if its process is alive."""
        if not self._state.exists():
            return None
        try:
            held = msgspec.json.decode(self._state.read_bytes(), type=Running)
        except msgspec.MsgspecError:
            return None
        return held if _started(held.pid) == held.started != "" else None

    def _free_ports(self) -> tuple[int, int]:
        """Return the port asked for, or a free one, and one for the controller.

        What a broker before left waiting does not occupy a port. The first is held until the second is found: the
        system may give a port that was let go to whoever asks next.
        """
        with socket.socket() as broker, socket.socket() as controller:
            broker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                broker.bind(("127.0.0.1", self.port or 0))
            except OSError as error:
                why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
                raise GridtwinError(f"port {self.port} {why}; choose another with --port, or free it") from error
            controller.bind(("127.0.0.1", 0))
            return int(broker.getsockname()[1]), int(controller.getsockname()[1])

    def _configure(self, runtime: Runtime, address: str, controller: str) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = self.directory / "server.properties"
        settings.write_text(
            (DEPLOY / "server.properties").read_text()
            + f"listeners={self.security.protocol}://{address},CONTROLLER://{controller}\n"
            + f"advertised.listeners={self.security.protocol}://{address}\n"
            + f"controller.quorum.voters=1@{controller}\n"
            + f"log.dirs={self.directory / 'data'}\n"
            + self.properties
        )
        self._format(runtime, settings)
        return settings

    def _format(self, runtime: Runtime, settings: Path) -> None:
        if (self.directory / "data" / "meta.properties").exists():
            return
        done = subprocess.run(
            [*runtime.command, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(settings),
             *self.format_options],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise _failure(f"Kafka could not format {self.directory}", done.stdout + done.stderr)

    def _launch(self, runtime: Runtime, settings: Path) -> subprocess.Popen[bytes]:
        with (self.directory / "broker.log").open("ab") as log:
            return subprocess.Popen(
                [*runtime.command, "kafka.Kafka", str(settings)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def _wait(self, process: subprocess.Popen[bytes], address: str) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while not asyncio.run(answers(Servers(address, self.security))):
            if process.poll() is not None or time.monotonic() > until:
                log = self.directory / "broker.log"
                raise _failure(f"the broker did not start (see {log})", log.read_text(errors="replace"))
            time.sleep(0.2)


def _failure(what: str, output: str) -> GridtwinError:
    if "UnsupportedClassVersionError" in output:
        return GridtwinError(f"{what}: this Java is too old; put Java 17 or later first on the PATH")
    said = "\n".join(line for line in output.strip().splitlines() if not line.startswith("\tat "))
    return GridtwinError(f"{what}: {said[-500:]}")


async def answers(address: str) -> bool:
    """Whether a broker answers a request for its topics."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=1.0):
            pass
        admin = AIOKafkaAdminClient(**connection(address), request_timeout_ms=3000)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()
    except (TimeoutError, KafkaError, OSError):
        return False
    return True


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's own count; nothing if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _end(running: Running) -> None:
    os.kill(running.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_TIMEOUT_S
    while _started(running.pid) == running.started:
        if time.monotonic() > until:
            os.kill(running.pid, signal.SIGKILL)
        time.sleep(0.1)
    try:
        os.waitpid(running.pid, os.WNOHANG)
    except ChildProcessError:
        return
