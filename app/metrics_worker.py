"""A worker as Prometheus reads it: asked for at each scrape, so that nothing is counted twice on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.batch.processor import Processor

COUNTERS = {
    "records": "Records of the source folded",
    "batches": "Batches of the source folded",
    "publishes": "Times that what changed was said",
    "checkpoints": "Times that state was flushed and acknowledged",
    "messages": "Messages said",
    "rows": "Rows remembered",
    "recoveries": "Times that tables were restored",
}
GAUGES = {
    "queued_batches": "Batches fetched that wait to be folded",
    "pending_batches": "Batches folded that wait for the next checkpoint",
    "pending_records": "Records folded that wait for the next checkpoint",
    "recovered_rows": "Changelog rows read by the last restore",
    "recovery_s": "Seconds that the last restore took",
}
NAMES = {"recoveries": "restores", "recovered_rows": "restored_rows", "recovery_s": "restore_seconds"}
"""By the words that people use for them."""


class WorkerCollector:
    """Everything that a worker of a group knows of itself."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its value now."""
        metrics = self._processor.metrics
        for name, meaning in COUNTERS.items():
            yield CounterMetricFamily(_name(name), meaning, value=getattr(metrics, name))
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(_name(name), meaning, value=getattr(metrics, name))
        yield GaugeMetricFamily("gridtwin_ready", "1 once the state of its partitions is restored",
                                value=int(metrics.is_ready))  # fmt: skip
        yield CounterMetricFamily("gridtwin_rebalances", "Times that partitions were dealt out anew",
                                  value=self._processor.app.rebalancing_count)  # fmt: skip
        yield from metrics.flush_seconds.collect()
        yield from self._partitions()
        yield from self._tables()

    def _partitions(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily("gridtwin_lag_records", "Records of the source not folded", labels=["partition"])
        age = GaugeMetricFamily("gridtwin_stream_time_age_seconds", "How far the time of a partition is behind the "
                                "clock on the wall; for the rollup role, how long ago its newest final window ended",
                                labels=["partition"])  # fmt: skip
        for partition, count in self._processor.metrics.lag.items():
            lag.add_metric([str(partition)], count)
        for partition, machine in self._processor.machines.items():
            stream_ms = getattr(machine, "stream_ms", None)
            if stream_ms is not None:
                age.add_metric([str(partition)], time.time() - stream_ms / 1000)
        yield from (lag, age)

    def _tables(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily("gridtwin_state_rows", "Rows on disk, as RocksDB estimates them", labels=["table"])
        size = GaugeMetricFamily("gridtwin_state_bytes", "What they take on disk and in buffers", labels=["table"])
        for name, table in self._processor.tables.items():
            sizes: list[Any] = [store.size() for store in table.stores.values()]
            rows.add_metric([name], sum(one.rows for one in sizes))
            size.add_metric([name], sum(one.bytes for one in sizes))
        yield from (rows, size)


def _name(name: str) -> str:
    return f"gridtwin_{NAMES.get(name, name)}"
