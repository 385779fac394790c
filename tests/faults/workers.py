"""Worker processes that are started under limits, armed to die, and watched over as an orchestrator would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from app.demo.workers import WorkerProcess
from app.metrics_file import NAME
from tests.faults.journal import Journal

RESTART_AFTER_S = 0.3
LONGEST_PAUSE_S = 5.0
SHORT_LIFE_S = 5.0
LOOK_EVERY_S = 0.1
KILLED = -signal.SIGKILL


class FaultyWorker(WorkerProcess):
    """A worker whose command line, environment and restarts are the nemesis's to choose."""

    def __init__(self, role: str, directory: Path, environ: dict[str, str]) -> None:
        super().__init__(role, directory, environ)
        self.prefix: list[str] = []
        """Commands that replace themselves by the worker: nice, prlimit."""
        self.changes: dict[str, str] = {}
        """Added to the environment of every start from now on."""
        self.is_wanted = False
        self.log_begins = 0
        """Where what the present process says begins."""
        self.started_s = 0.0
        self.pause_s = RESTART_AFTER_S

    def start(self, **once: str) -> None:
        """Start it; *once* is added to the environment of this process only."""
        self.started_s = time.monotonic()
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [*self.prefix, sys.executable, *self.main, self.role]
        with self.log.open("ab") as log:
            self.log_begins = log.tell()
            self._process = subprocess.Popen(
                command, env={**self.environ, **self.changes, **once}, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        if self._process is not None:
            self._process.send_signal(number)

    def is_well(self, told_from_s: float = 0.0) -> bool:
        """Whether it has its state, and said so since a moment of the clock on the wall."""
        metrics, file = self.metrics(), self.directory / self.role / NAME
        is_it = self.pid != 0 and self.exit_code is None and metrics.get("pid") == self.pid
        return is_it and bool(metrics.get("is_ready")) and file.stat().st_mtime >= told_from_s

    def lag(self) -> int:
        return int(self.metrics().get("total_lag", 0))

    def pending(self) -> int:
        """Return how many records it had folded and not acknowledged when it last said so."""
        return int(self.metrics().get("pending_records", 0)) if self.is_well() else 0


class Orchestrator(threading.Thread):
    """Starts a wanted worker again when its process ended, whatever ended it."""

    def __init__(self, workers: dict[str, Any], journal: Journal) -> None:
        super().__init__(daemon=True)
        self.workers = workers
        self.journal = journal
        self.lock = threading.RLock()
        self._ended = threading.Event()
        self._due_s: dict[str, float] = {}

    def run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            with self.lock:
                for name, worker in list(self.workers.items()):
                    self._look_after(name, worker)

    def _look_after(self, name: str, worker: FaultyWorker) -> None:
        code = worker.exit_code
        if not worker.is_wanted or code is None:
            self._due_s.pop(name, None)
            return
        if name not in self._due_s:
            self._note_end(name, worker, code)
        if time.monotonic() >= self._due_s[name]:
            del self._due_s[name]
            worker.start()
            self.journal.note("started", worker=name, pid=worker.pid)

    def _note_end(self, name: str, worker: FaultyWorker, code: int) -> None:
        """Decide when to start it again: one that ends at once, again and again, waits longer each time."""
        self.journal.note("ended", worker=name, code=code, words=_last_words(worker) if code != KILLED else "")
        lived_s = time.monotonic() - worker.started_s
        worker.pause_s = min(LONGEST_PAUSE_S, 2 * worker.pause_s) if lived_s < SHORT_LIFE_S else RESTART_AFTER_S
        self._due_s[name] = time.monotonic() + worker.pause_s

    def end(self) -> None:
        """Look after nothing any more."""
        self._ended.set()
        self.join()


def _last_words(worker: FaultyWorker) -> str:
    lines = worker.log.read_bytes()[worker.log_begins :].decode(errors="replace").splitlines()
    told = [line for line in lines if '"critical"' in line or line.startswith("gridtwin: ")]
    return (told or lines or [""])[-1][:300]


def open_handles(pid: int) -> int:
    """Return how many files a process holds open."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
