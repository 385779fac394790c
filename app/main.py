"""The two Faust applications: `faust -A app.main:twin worker` and `faust -A app.main:rollup worker` run them.

Each has one source topic, so no order between sources has to be defined. They are made when first asked for:
a process runs one role.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from faust.auth import Credentials, SASLCredentials, SSLCredentials

from agents import rollup as rollup_agent
from agents import twin as twin_agent
from app.batch import BatchApp, BatchOptions, Metrics, create_app
from app.generation import ROOT
from app.kafka.permissions import require_permissions
from app.kafka.security import connection
from app.kafka.topic_check import check
from app.metrics_worker import WorkerCollector
from app.monitor import Monitor
from app.settings import Settings

if TYPE_CHECKING:
    twin: BatchApp
    rollup: BatchApp

ROLES = {"twin": twin_agent, "rollup": rollup_agent}


def create(role: str, settings: Settings) -> BatchApp:
    """Return the application of a role with its agent and tables."""
    app = create_app(
        f"{ROOT}-{role}",
        BatchOptions(
            broker=settings.broker,
            directory=settings.state_dir(role),
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            member_id=f"{role}-{settings.member_id}" if settings.member_id else None,
            session_timeout_s=settings.session_timeout_s,
            heartbeat_s=settings.heartbeat_s,
            request_timeout_s=settings.request_timeout_s,
            fetch_bytes=settings.fetch_bytes,
            queue_batches=settings.queue_batches,
            compression=None if settings.compression == "none" else settings.compression,
            credentials=credentials(settings),
        ),
    )
    ROLES[role].create_agent(app, settings)
    watch(app, settings)
    app.on_worker_init.connect(lambda *_, **__: check_now(settings, role))
    return app


def credentials(settings: Settings) -> Credentials | None:
    """Return the connection settings as Faust wants them; a worker speaks as every other client of ours does."""
    options = connection(settings.broker)
    if "sasl_mechanism" in options:
        return SASLCredentials(username=options["sasl_plain_username"], password=options["sasl_plain_password"],
                               ssl_context=options["ssl_context"], mechanism=options["sasl_mechanism"])  # fmt: skip
    return SSLCredentials(options["ssl_context"]) if "ssl_context" in options else None


def watch(app: BatchApp, settings: Settings) -> None:
    """Show an application from outside, if it has a port for that."""
    metrics, registry = app.batch_processor.metrics, app.metrics_registry
    registry.register(WorkerCollector(app.batch_processor))
    if settings.web_port:
        why = partial(why_not_ready, metrics, settings.ready_lag)
        app.watchers = (Monitor(settings.web_host, settings.web_port, registry, why),)


def why_not_ready(metrics: Metrics, most_records: int) -> dict[str, object]:
    """Return what keeps a worker from being ready: it has no state yet, or is far behind. Kafka is not asked."""
    if not metrics.is_ready:
        return {"reason": "state is being restored, or partitions are being dealt out"}
    behind = {str(partition): lag for partition, lag in metrics.lag.items() if lag > most_records}
    return {"reason": f"over {most_records} records behind", "lag_records": behind} if behind else {}


def check_now(settings: Settings, role: str) -> None:
    """Check topics and permissions before anything runs, in a loop of its own: Faust's is set up later."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(_check(settings, role))
    finally:
        loop.close()


async def _check(settings: Settings, role: str) -> None:
    if user := settings.broker.security.user_words:
        await require_permissions(settings.broker, role, user)
    await check(settings)


def __getattr__(name: str) -> BatchApp:
    if name not in ROLES:
        raise AttributeError(name)
    app = create(name, Settings.load(os.environ))
    globals()[name] = app
    return app
