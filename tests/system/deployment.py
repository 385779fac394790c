"""A deployment as an operator runs it: by commands, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.cli.environment import environment_of
from app.dataset.format import Dataset
from app.demo.workers import WorkerProcess

ROOT = Path(__file__).parents[2]
ROLES = ("twin", "rollup")
QUICK = {
    "VPP_PUBLISH_CADENCE_S": "0.2",
    "VPP_CHECKPOINT_CADENCE_S": "0.5",
    "VPP_PROVISIONAL_CADENCE_S": "0",
    "VPP_TWIN_CADENCE_S": "0.5",
}


class Deployment:
    """What runs the commands of one dataset against one broker."""

    def __init__(self, directory: Path, address: str, dataset: Path) -> None:
        self.directory = directory
        self.dataset = dataset
        settings = environment_of(Dataset(dataset).meta)
        self.environ = {"VPP_BROKER": address, "VPP_DATA_DIR": str(directory / "data"), **QUICK, **settings}

    def gridtwin(self, *arguments: object, code: int = 0, **changes: str) -> str:
        """Run a command, expect its exit code, and return what it printed."""
        done = self.begin(*arguments, **changes)
        out, _ = done.communicate(timeout=180)
        assert done.returncode == code, out
        assert "Traceback" not in out
        return out

    def begin(self, *arguments: object, **changes: str) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "app", *map(str, arguments)]
        environ = {**os.environ, **self.environ, **changes}
        return subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)  # fmt: skip

    @contextmanager
    def workers(self) -> Iterator[None]:
        """Run a worker of each role for a block."""
        workers = [WorkerProcess(role, self.directory / "state", self.environ) for role in ROLES]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.wait_ready()
            yield
        finally:
            for worker in workers:
                worker.kill()
