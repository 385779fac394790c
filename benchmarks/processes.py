"""What processes use, as the kernel counts it: processor time and peak memory."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.1


def cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def busy_share(during_s: float) -> float:
    """Return which share of all processors' time is used by anybody from now on for so long."""
    before = processor_ticks()
    time.sleep(during_s)
    used, idle = (after - held for after, held in zip(processor_ticks(), before, strict=True))
    return used / max(1, used + idle)


def processor_ticks() -> tuple[int, int]:
    """Return those of all processors so far: used, and idle or waiting for disks. Fields after these are in them."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, idle


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has had resident."""
    return _status_bytes(pid, "VmHWM:")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has resident now."""
    return _status_bytes(pid, "VmRSS:")


def _status_bytes(pid: int, word: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(word):
            return int(line.split()[1]) * 1024
    return 0


def disk_bytes(directory: Path) -> int:
    """Return what the files below a directory come to; one that goes meanwhile does not count."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def log_bytes(data: Path, topic: str) -> int:
    """Return the bytes that a broker holds of a topic, compressed and batched as they were sent."""
    return sum(path.stat().st_size for path in data.glob(f"{topic}-[0-9]*/*.log"))


class Watch:
    """Samples processes until it is left; times are those of the wall clock, as the broker's are."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._samples: list[tuple[float, float]] = []
        self._peaks = dict.fromkeys(self._pids, 0)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def peak_bytes(self) -> int:
        """The sum of the processes' peaks, which need not have come together."""
        return sum(self._peaks.values())

    def cpu_between(self, began_s: float, ended_s: float) -> float:
        """Return the processor time used between two moments, to the nearest samples outside them."""
        return self._cpu_at(ended_s, 0) - self._cpu_at(began_s, -1)

    def _cpu_at(self, at_s: float, step: int) -> float:
        index = bisect_left(self._samples, (at_s,)) + step
        return self._samples[min(max(index, 0), len(self._samples) - 1)][1]

    def _sample(self) -> None:
        while not self._is_over.wait(SAMPLE_S):
            try:
                self._samples.append((time.time(), sum(map(cpu_s, self._pids))))
                self._peaks.update((pid, peak_bytes(pid)) for pid in self._pids)
            except (FileNotFoundError, ProcessLookupError):
                return
