"""Runs the query role: reads the topics and answers, in one loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from app.errors import GridtwinError
from app.kafka.admin import admin, require_topics
from app.kafka.clients import unavailable
from app.metrics_file import metrics_writer
from app.query.application import make_application
from app.query.protocol import LimitedProtocol
from app.query.replica import Replica
from app.query.resume import above
from app.query.service import Service
from app.query.source import FIXED, Source
from app.query.store import ViewStore
from app.query.stream import Streams
from app.settings import Settings
from app.topics import TOPOLOGY_NODE

FETCH_BYTES = 1 << 20
KEEP_ALIVE_S = 30
STOP_S = 3
METRICS_S = 0.5

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Ends with exit code 0 when it is told to stop, as the workers of other roles do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when asked to, and leave no signal to be raised again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def serve(settings: Settings) -> None:
    """Read and answer until told to stop."""
    await require_topics(settings.broker, {name: 1 if name == TOPOLOGY_NODE else settings.partitions for name in FIXED})
    async with admin(settings.broker) as client:
        cluster = str((await client.describe_cluster())["cluster_id"])
    directory = settings.state_dir("query")
    store = ViewStore(directory / "view", f"{cluster}/{settings.partitions}/{settings.window_s}")
    try:
        async with _consumer(settings) as client:
            service = _make_service(settings, store, client)
            await _run(settings, service)
    finally:
        store.close()


def _make_service(settings: Settings, store: ViewStore, client: Any) -> Service:
    replica = Replica(store, settings.rules(), retention_days=settings.query_retention_days)
    streams = Streams(lambda event: above(replica.view, event), most=settings.query_streams,
                      per_client=settings.query_streams_per_client, events=settings.query_events)  # fmt: skip
    replica.tell = streams.tell
    return Service(settings, replica, streams, Source(client, replica))


async def _run(settings: Settings, service: Service) -> None:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listening, settings)
        config = uvicorn.Config(
            make_application(service), http=LimitedProtocol, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_S,
        )  # fmt: skip
        server = Server(config)
        tasks = [asyncio.create_task(_read(service)), asyncio.create_task(_write_metrics(settings, service, listening))]
        for task in tasks:
            task.add_done_callback(lambda _: setattr(server, "should_exit", True))
        try:
            await server.serve([listening])
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome


def _bind(listening: socket.socket, settings: Settings) -> None:
    try:
        listening.bind((settings.query_host, settings.query_port))
    except OSError as error:
        raise GridtwinError(f"cannot listen at {settings.query_host}:{settings.query_port} ({error.strerror}); set "
                            "VPP_QUERY_HOST and VPP_QUERY_PORT") from error  # fmt: skip
    host, port = listening.getsockname()[:2]
    reach = "from this machine only; VPP_QUERY_HOST changes that" if host.startswith("127.") else "from other machines"
    log.info("answers at http://%s:%s, reachable %s", host, port, reach)


async def _read(service: Service) -> None:
    await service.source.start()
    while True:
        try:
            await service.source.read()
        except (KafkaConnectionError, KafkaError) as error:
            log.warning("could not read: %s; answers grow older meanwhile", error)
            await asyncio.sleep(1)


async def _write_metrics(settings: Settings, service: Service, listening: socket.socket) -> None:
    """Leave beside the view what the workers of other roles leave beside their state."""
    write = metrics_writer(settings.state_dir("query"))
    host, port = listening.getsockname()[:2]
    while True:
        source = service.source
        write({"is_ready": source.is_ready, "behind_records": source.behind_records,
               "address": f"http://{host}:{port}"})  # fmt: skip
        await asyncio.sleep(METRICS_S)


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[Any]:
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.broker, enable_auto_commit=False, auto_offset_reset="none",
        max_partition_fetch_bytes=FETCH_BYTES, fetch_max_wait_ms=100,
    )  # fmt: skip
    try:
        await client.start()
        yield client
    except KafkaConnectionError as error:
        raise unavailable(settings.broker) from error
    finally:
        with contextlib.suppress(Exception):
            await client.stop()
