"""A broker that is killed and comes back, and one that workers reach through a proxy only."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

from app.kafka.broker import LocalBroker, Runtime
from tests.faults.proxy import Proxy


def kill(broker: LocalBroker) -> None:
    """End a broker that this process started, with SIGKILL."""
    running = broker.running()
    if running is not None:
        os.kill(running.pid, signal.SIGKILL)
        os.waitpid(running.pid, 0)


class ProxiedBroker(LocalBroker):
    """A broker with a second listener that is advertised at a proxy's port."""

    def __init__(self, directory: Path, seed: int) -> None:
        super().__init__(directory)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.behind = int(probe.getsockname()[1])
        self.proxy = Proxy(self.behind, seed)
        self.proxy.start()

    @property
    def address(self) -> str:
        """Where workers have to look for it."""
        return f"127.0.0.1:{self.proxy.port}"

    def _configure(self, runtime: Runtime, address: str) -> Path:
        settings = super()._configure(runtime, address)
        lines = settings.read_text().splitlines()
        settings.write_text("\n".join(map(self._with_second_listener, lines)) + "\n")
        return settings

    def _with_second_listener(self, line: str) -> str:
        added = {
            "listeners": f",PROXIED://127.0.0.1:{self.behind}",
            "advertised.listeners": f",PROXIED://{self.address}",
            "listener.security.protocol.map": ",PROXIED:PLAINTEXT",
        }
        return line + added.get(line.partition("=")[0], "")

    def stop(self) -> Any:
        super().stop()
        self.proxy.end()
