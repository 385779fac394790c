"""Runs the query role: reads the topics and answers, in one loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from aiokafka.errors import KafkaError

from app.batch.heap import spare_the_collector
from app.errors import GridtwinError
from app.metrics_file import metrics_writer
from app.query.application import make_application
from app.query.connection import consumer, wait_for_kafka
from app.query.protocol import limited_protocol
from app.query.replica import Replica
from app.query.resume import above
from app.query.service import Service
from app.query.source import Source
from app.query.store import ViewStore
from app.query.stream import Streams
from app.query.workers import watch_workers
from app.settings import Settings

KEEP_ALIVE_S = 30
STOP_S = 3
METRICS_S = 0.5
RETRY_S = 1.0
SEND_BYTES = 131_072
"""What the kernel keeps for a connection: it would let megabytes wait for a client that does not read."""

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
    """Read and answer until told to stop; until Kafka answers, say so."""
    _allow_files()
    store = ViewStore(settings.state_dir("query") / "view")
    try:
        await _run(settings, _make_service(settings, store))
    finally:
        store.close()


def _make_service(settings: Settings, store: ViewStore) -> Service:
    replica = Replica(store, settings.rules(), retention_days=settings.query_retention_days)
    streams = Streams(lambda event: above(replica.view, event), most=settings.query_streams,
                      per_client=settings.query_streams_per_client, events=settings.query_events)  # fmt: skip
    replica.tell, replica.end_streams = streams.tell, streams.begin_again
    return Service(settings, replica, streams, Source(None, replica))


async def _run(settings: Settings, service: Service) -> None:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        _bind(listening, settings)
        config = uvicorn.Config(
            make_application(service), http=limited_protocol(settings.query_connections), ws="none", lifespan="off",
            log_config=None, access_log=False, server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_S,
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


def _allow_files() -> None:
    """Every stream is an open file; what a shell allows by default is fewer than may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard if hard > 0 else soft), hard))


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
    """Read for ever, from when Kafka answers; look meanwhile how far the workers are."""
    settings, source = service.settings, service.source
    identity = await wait_for_kafka(settings, source)
    async with consumer(settings) as client:
        if not service.replica.store.claim(identity):
            service.replica.begin_again()
        source.client = client
        watching = asyncio.create_task(watch_workers(service))
        try:
            await _read_on(source)
        finally:
            watching.cancel()


async def _read_on(source: Source) -> None:
    is_started = False
    while True:
        try:
            if not is_started:
                await source.start()
                is_started = True
            was_ready = source.is_ready
            await source.read()
            if source.is_ready and not was_ready:
                spare_the_collector()
            await asyncio.sleep(0)  # what was fetched already is given without a turn of the loop
        except KafkaError as error:
            log.warning("could not read: %s; answers grow older meanwhile, nothing to do unless it goes on", error)
            await asyncio.sleep(RETRY_S)


async def _write_metrics(settings: Settings, service: Service, listening: socket.socket) -> None:
    """Leave beside the view what the workers of other roles leave beside their state."""
    write = metrics_writer(settings.state_dir("query"))
    host, port = listening.getsockname()[:2]
    while True:
        source = service.source
        write({"is_ready": source.is_ready, "behind_records": source.behind_records,
               "address": f"http://{host}:{port}"})  # fmt: skip
        await asyncio.sleep(METRICS_S)
