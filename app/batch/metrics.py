"""What a worker did and, if it is profiled, the processor time of each phase and thread."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import Histogram

WAKE_S = 0.02
OWN = ("started_s", "is_profiled", "flush_seconds")
FLUSHES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def _flush_seconds() -> Histogram:
    meaning = "Wall time of flushes: a whole one (flush), and a partition's messages (say) and rows (remember)"
    return Histogram("gridtwin_flush_seconds", meaning, ["phase"], registry=None, buckets=FLUSHES_S)


@dataclass
class Metrics:
    """Counters since the start of the process.

    `phase_s` is processor time of the event loop's thread by phase; `waited_s` is the longest that one partition's
    messages (say) and rows (remember) took from queued to acknowledged. Queued batches wait to be folded, pending
    ones to be remembered. Phases, threads and stalls are measured only where it is profiled.
    """

    is_profiled: bool = False
    records: int = 0
    batches: int = 0
    largest_batch: int = 0
    publishes: int = 0
    checkpoints: int = 0
    messages: int = 0
    rows: int = 0
    is_ready: bool = False
    recoveries: int = 0
    recovered_rows: int = 0
    recovery_s: float = 0.0
    queued_batches: int = 0
    pending_batches: int = 0
    pending_records: int = 0
    longest_flush_s: float = 0.0
    longest_stall_s: float = 0.0
    lag: dict[int, int] = field(default_factory=dict)
    phase_s: dict[str, float] = field(default_factory=dict)
    waited_s: dict[str, float] = field(default_factory=dict)
    started_s: float = field(default_factory=time.monotonic)
    flush_seconds: Histogram = field(default_factory=_flush_seconds)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the processor time of a synchronous block to a phase."""
        if not self.is_profiled:
            yield
            return
        began = time.thread_time()
        try:
            yield
        finally:
            self.phase_s[name] = self.phase_s.get(name, 0.0) + time.thread_time() - began

    @contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Note the time of a block that waits for the broker, if none took longer."""
        began = time.monotonic()
        yield
        took_s = time.monotonic() - began
        self.waited_s[name] = max(self.waited_s.get(name, 0.0), took_s)
        self.flush_seconds.labels(name).observe(took_s)

    def flushed(self, took_s: float) -> None:
        """Count a flush of all partitions."""
        self.longest_flush_s = max(self.longest_flush_s, took_s)
        self.flush_seconds.labels("flush").observe(took_s)

    async def watch_stalls(self) -> None:
        """Note how late the event loop wakes this up once it is ready: whatever blocks it delays all else as long."""
        while self.is_profiled:
            due_s = time.monotonic() + WAKE_S
            await asyncio.sleep(WAKE_S)
            if self.is_ready:
                self.longest_stall_s = max(self.longest_stall_s, time.monotonic() - due_s)

    def took(self, batch: int) -> None:
        """Count a batch that was folded."""
        self.batches += 1
        self.records += batch
        self.largest_batch = max(self.largest_batch, batch)

    def snapshot(self) -> dict[str, object]:
        """Return everything as plain values; memory in bytes, processor time of the whole process."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name not in OWN},
            "thread_s": _thread_s() if self.is_profiled else {},
            "lag": dict(self.lag),
            "total_lag": sum(self.lag.values()),
            "uptime_s": time.monotonic() - self.started_s,
            "process_cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_memory_bytes": usage.ru_maxrss * 1024,
        }


def _thread_s() -> dict[str, float]:
    """Return the processor time of each of Python's threads; RocksDB's own are only in that of the process."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None and thread.is_alive()
    }
