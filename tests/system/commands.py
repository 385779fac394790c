"""What an operator does: commands, and workers of both roles on a broker of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.demo.workers import WorkerProcess

ROOT = Path(__file__).parents[2]
DEADLINE_S = 90.0


def run(environ: dict[str, str], *command: str) -> str:
    """Run Python to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def gridtwin(environ: dict[str, str], *command: str) -> str:
    """Run a command of ours."""
    return run(environ, "-m", "app", *command)


@contextmanager
def workers(environ: dict[str, str], directory: Path) -> Iterator[None]:
    """Run a worker of each role for a block."""
    both = [WorkerProcess(role, directory, environ) for role in ("twin", "rollup")]
    try:
        for worker in both:
            worker.start()
        for worker in both:
            worker.wait_ready()
        yield
    finally:
        for worker in both:
            worker.kill()


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for a condition; name what did not come."""
    end_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end_s, f"waited {DEADLINE_S:g} s for {what}"
        time.sleep(0.05)
