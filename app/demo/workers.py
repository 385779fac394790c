"""Worker processes that a demo starts, kills and starts again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.errors import GridtwinError
from app.generation import VARIABLE, state_name
from app.metrics_file import read_metrics

READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 15.0


class WorkerProcess:
    """A worker of one role, with a data directory of its own."""

    def __init__(self, role: str, directory: Path, environ: dict[str, str]) -> None:
        self.role = role
        self.directory = directory
        self.environ = {**os.environ, **environ, "VPP_DATA_DIR": str(directory)}
        self.log = directory.with_suffix(f".{role}.log")
        self.main = ["-m", "app", "worker"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            command = [sys.executable, *self.main, self.role]
            self._process = subprocess.Popen(
                command, env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def wait_ready(self) -> float:
        """Wait until it has its state back and return the seconds that took; it was just started."""
        began_s = time.monotonic()
        while not (self.metrics().get("pid") == self.pid and self.metrics().get("is_ready")):
            self.check()
            if time.monotonic() - began_s > READY_TIMEOUT_S:
                raise GridtwinError(f"the {self.role} worker was not ready in {READY_TIMEOUT_S} s; see {self.log}")
            time.sleep(0.05)
        return time.monotonic() - began_s

    @property
    def exit_code(self) -> int | None:
        """Its exit code if it ended by itself; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def check(self) -> None:
        """Raise if it ended by itself."""
        if self.exit_code is not None:
            tail = self.log.read_text(errors="replace")[-1500:]
            raise GridtwinError(f"the {self.role} worker ended with {self.exit_code}: {tail}")

    def kill(self, *, wipe: bool = False) -> None:
        """End it with SIGKILL; with *wipe*, its disk is lost, too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if wipe:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    def stop(self) -> int:
        """Ask it to stop, as an orchestrator does, and return its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process = None
        return code

    def metrics(self) -> dict[str, Any]:
        """Return what it last wrote of itself."""
        return read_metrics(self.state_dir)

    @property
    def state_dir(self) -> Path:
        """Where it keeps its state."""
        return self.directory / state_name(self.role, int(self.environ.get(VARIABLE, "1")))
