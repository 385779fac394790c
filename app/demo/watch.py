"""What a demo shows while it runs: progress, lag, and one node's power as it moves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console

from app.dataset.format import Dataset
from app.demo.workers import WorkerProcess
from app.domain.contracts import LiveAggregate
from app.kafka.clients import consumer, topic_partitions
from app.replay.publish import Replay
from app.settings import Settings
from app.topics import level_topic

EVERY_S = 2.0
POLL_MS = 200

_decode = msgspec.json.Decoder(LiveAggregate).decode


class Watch:
    """Prints a line every other second."""

    def __init__(self, console: Console, settings: Settings, dataset: Dataset,
                 workers: Mapping[str, WorkerProcess], replay: Replay) -> None:  # fmt: skip
        self.console = console
        self.settings = settings
        self.dataset = dataset
        self.workers = workers
        self.replay = replay
        self.level, self.node = _top(dataset)
        self.live: LiveAggregate | None = None

    async def run(self) -> None:
        """Print until cancelled."""
        async with consumer(self.settings.broker) as client:
            client.assign(await topic_partitions(client, level_topic(self.level)))
            shown_s = time.monotonic()
            while True:
                for records in (await client.getmany(timeout_ms=POLL_MS)).values():
                    self._take(records)
                if time.monotonic() - shown_s >= EVERY_S:
                    shown_s = time.monotonic()
                    self.console.print(self._line(), highlight=False, soft_wrap=True)

    def _take(self, records: list[Any]) -> None:
        for record in records:
            if record.key == f"{self.node}|live".encode() and record.value is not None:
                self.live = _decode(record.value)

    def _line(self) -> str:
        lags = " ".join(f"{role} lag {_lag(worker.metrics()):>6}" for role, worker in self.workers.items())
        share = 100 * self.replay.published / max(1, self.dataset.meta.readings)
        return f"{share:5.1f} %  {self.replay.published:>8} records  {lags}  {self._power()}"

    def _power(self) -> str:
        if self.live is None:
            return f"{self.node} not heard yet"
        when = time.strftime("%H:%M", time.gmtime(self.live.as_of_ms / 1000))
        kinds = self.live.kinds["all"]
        return (
            f"{self.node} at {when} UTC {kinds.active_power_w / 1000:,.1f} kW, "
            f"{self.live.sites.online} sites online, {self.live.state}"
        )


def _lag(metrics: Mapping[str, Any]) -> object:
    return metrics.get("total_lag", metrics.get("behind_records", "?"))


def _top(dataset: Dataset) -> tuple[str, str]:
    """Return level and id of a node without parents, of the first hierarchy."""
    nodes = [member for member in dataset.topology() if member.type == "node" and not member.parents]
    best = min(nodes, key=lambda member: (member.hierarchy == "group", member.id))
    return best.level, best.id
