"""What a worker did and how long each phase took, in processor time of the event loop's thread."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Metrics:
    """Counters since the start of the process.

    `phase_s` is processor time by phase; `waited_s` is the longest that one partition's messages (say) and rows
    (remember) took from queued to acknowledged. Queued batches wait to be folded, pending ones to be remembered.
    """

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
    lag: dict[int, int] = field(default_factory=dict)
    phase_s: dict[str, float] = field(default_factory=dict)
    waited_s: dict[str, float] = field(default_factory=dict)
    started_s: float = field(default_factory=time.monotonic)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the processor time of a synchronous block to a phase."""
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
        self.waited_s[name] = max(self.waited_s.get(name, 0.0), time.monotonic() - began)

    def took(self, batch: int) -> None:
        """Count a batch that was folded."""
        self.batches += 1
        self.records += batch
        self.largest_batch = max(self.largest_batch, batch)

    def snapshot(self) -> dict[str, object]:
        """Return everything as plain values; memory in bytes, processor time of the whole process."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name != "started_s"},
            "lag": dict(self.lag),
            "total_lag": sum(self.lag.values()),
            "uptime_s": time.monotonic() - self.started_s,
            "process_cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_memory_bytes": usage.ru_maxrss * 1024,
        }
