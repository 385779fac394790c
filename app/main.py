"""The two Faust applications: `faust -A app.main:twin worker` and `faust -A app.main:rollup worker` run them.

Each has one source topic, so no order between sources has to be defined. They are made when first asked for:
a process runs one role.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from agents import rollup as rollup_agent
from agents import twin as twin_agent
from app.batch import BatchApp, BatchOptions, create_app
from app.kafka.topic_check import check
from app.settings import Settings

if TYPE_CHECKING:
    twin: BatchApp
    rollup: BatchApp

ROLES = {"twin": twin_agent, "rollup": rollup_agent}


def create(role: str, settings: Settings) -> BatchApp:
    """Return the application of a role with its agent and tables."""
    app = create_app(
        f"vpp-{role}",
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
            web_port=settings.web_port,
        ),
    )
    ROLES[role].create_agent(app, settings)
    app.on_worker_init.connect(lambda *_, **__: check_now(settings))
    return app


def check_now(settings: Settings) -> None:
    """Check the topics before anything runs, in a loop of its own: Faust's is set up later."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(check(settings))
    finally:
        loop.close()


def __getattr__(name: str) -> BatchApp:
    if name not in ROLES:
        raise AttributeError(name)
    app = create(name, Settings.load(os.environ))
    globals()[name] = app
    return app
