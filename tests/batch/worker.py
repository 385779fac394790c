"""A worker of the counting machine as a process of its own, that a test starts, watches and kills."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.batch.counting import Setup

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0


class Worker:
    """A running worker. Leaving the context kills it if it still runs."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        directory = Path(setup.directory)
        directory.mkdir(parents=True, exist_ok=True)
        self._metrics = directory / "metrics.json"
        self._log = directory / "worker.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.batch.worker", json.dumps(setup.values())],
                cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self.process.poll() is None:
            self.kill()

    def metrics(self) -> dict[str, Any]:
        """Return the last snapshot that this very process wrote."""
        try:
            found: dict[str, Any] = json.loads(self._metrics.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return found if found["pid"] == self.process.pid else {}

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first snapshot for which a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if (metrics := self.metrics()) and condition(metrics):
                return metrics
            assert self.process.poll() is None, (
                f"the worker ended with {self.process.returncode}:\n{self.log()[-3000:]}"
            )
            time.sleep(0.05)
        raise AssertionError(f"not in {PATIENCE_S} s; last seen {self.metrics()}:\n{self.log()[-3000:]}")

    def ready(self) -> Self:
        self.until(lambda metrics: bool(metrics["is_ready"]))
        return self

    def caught_up(self) -> Self:
        """Wait until everything is folded and remembered."""
        self.until(lambda metrics: metrics["is_ready"] and not metrics["total_lag"] and not metrics["pending_batches"])
        return self

    def until_logged(self, text: str) -> None:
        """Wait until something stands in the log."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()[-3000:]
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        return self.process.wait(PATIENCE_S)


def _main() -> None:
    logging.basicConfig(level=logging.INFO)
    from app.batch import run_worker
    from tests.batch.counting import create

    setup = Setup(**json.loads(sys.argv[1]))
    place = Path(setup.directory) / "metrics.json"

    def report(snapshot: dict[str, object]) -> None:
        partial = place.with_suffix(f".{os.getpid()}")
        extra = {"pid": os.getpid(), "group_generation": app.consumer_generation_id}
        partial.write_text(json.dumps({**snapshot, **extra}))
        partial.replace(place)

    app = create(setup, report)
    run_worker(app, log_level="info")


if __name__ == "__main__":
    _main()
