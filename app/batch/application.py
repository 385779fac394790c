"""A Faust application with the settings that batches need, and how to run a worker of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import faust
import mode
from faust.auth import Credentials
from mode import loop
from prometheus_client import CollectorRegistry

from app.batch.errors import BatchError, die
from app.batch.heap import bound_heap
from app.batch.producer import MAX_BATCH_BYTES
from app.batch.recovery import BatchTableManager
from app.batch.transport import SCHEME, install

if TYPE_CHECKING:
    from app.batch.processor import Processor

STOP_S = 9.0


@dataclass(frozen=True)
class BatchOptions:
    """What differs between deployments. Durations in seconds, sizes in bytes."""

    broker: str
    directory: Path
    partitions: int
    replication_factor: int = 1
    member_id: str | None = None
    """Static membership: a worker that comes back within its session causes no rebalance."""
    session_timeout_s: float = 10.0
    heartbeat_s: float = 3.0
    request_timeout_s: float = 30.0
    fetch_bytes: int = 1 << 20
    queue_batches: int = 16
    compression: str | None = "lz4"
    """Of what is written: one of Kafka's codecs. What is read may be compressed with any."""
    credentials: Credentials | None = None
    """None speaks in plain text."""


class BatchApp(faust.App):
    """A Faust application with one processor."""

    batch_processor: Processor
    metrics_registry: CollectorRegistry
    watchers: tuple[mode.Service, ...] = ()
    """What looks at this worker from its start on: before it has its state, too."""

    async def on_start(self) -> None:
        await super().on_start()
        for watcher in self.watchers:
            await self.add_runtime_dependency(watcher)


def create_app(name: str, options: BatchOptions) -> BatchApp:
    """Return an application that never creates a topic and stops at the first failure."""
    install()
    options.directory.mkdir(parents=True, exist_ok=True)
    servers = ";".join(f"{SCHEME}://{server.strip()}" for server in options.broker.split(","))
    app = BatchApp(
        name,
        broker=servers,
        broker_credentials=options.credentials,
        store="memory://",
        datadir=str(options.directory),
        TableManager=BatchTableManager,
        agent_supervisor=mode.CrashingSupervisor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=options.partitions,
        topic_replication_factor=options.replication_factor,
        broker_session_timeout=options.session_timeout_s,
        broker_heartbeat_interval=options.heartbeat_s,
        broker_request_timeout=options.request_timeout_s,
        consumer_group_instance_id=options.member_id,
        canonical_url=_url(options.member_id),
        broker_commit_interval=1.0,
        stream_buffer_maxsize=options.queue_batches,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        consumer_max_fetch_size=options.fetch_bytes,
        consumer_auto_offset_reset="earliest",
        producer_linger=0.005,
        producer_compression_type=options.compression,
        producer_max_batch_size=MAX_BATCH_BYTES,
        producer_max_request_size=8 << 20,
        producer_request_timeout=options.request_timeout_s,
        table_standby_replicas=0,
        web_enabled=False,
        web_tables_enabled=False,
        web_stats_enabled=False,
    )
    app.metrics_registry = CollectorRegistry()
    return app


def _url(member_id: str | None) -> str | None:
    """Name a static member by its id: the group gives it the assignment of before, and Faust refuses another URL's.

    Unless it is given, the URL holds the host, which changes when a container is made anew.
    """
    return f"http://member/{member_id}" if member_id else None


class BatchWorker(faust.Worker):
    """A worker that ends within a time after it was told to."""

    def _on_sigterm(self) -> None:
        watch = threading.Timer(STOP_S, die, [BatchError(f"not stopped {STOP_S} s after SIGTERM; what was not "
                                                         "acknowledged will be read again")])  # fmt: skip
        watch.daemon = True
        watch.start()
        super()._on_sigterm()


def run_worker(app: faust.App, *, log_level: str) -> None:
    """Run a worker until it is told to stop; the process exits with its status."""
    bound_heap()
    loop.use("uvloop")
    worker = BatchWorker(app, loglevel=log_level, override_logging=False, quiet=True)
    worker.spinner = None  # it writes signs for a terminal between the lines of the log
    worker.execute_from_commandline()
