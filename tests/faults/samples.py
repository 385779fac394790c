"""Memory, handles and threads of every worker, each second."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from tests.faults.workers import open_handles

EVERY_S = 1.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Sampler(threading.Thread):
    """Samples until it is told to end."""

    def __init__(self, workers: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.workers = workers
        self.samples: list[dict[str, Any]] = []
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(EVERY_S):
            for name, worker in list(self.workers.items()):
                sample = sample_of(worker.pid)
                if sample is not None:
                    self.samples.append({"worker": name, "pid": worker.pid, **sample})

    def end(self) -> None:
        self._ended.set()
        self.join()


def sample_of(pid: int) -> dict[str, int] | None:
    """Return what a process holds; nothing if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except (OSError, IndexError):
        return None
    return {"memory_bytes": pages * PAGE_BYTES, "handles": open_handles(pid), "threads": threads} if pid else None
