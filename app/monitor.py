"""A worker seen from outside: `/metrics`, `/livez` and `/readyz`, answered by its own event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from aiohttp import web
from mode import Service
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.batch.errors import BatchError, die

WAKE_S = 0.1
STALLS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Readiness = Callable[[], Mapping[str, object]]
"""Returns why a worker is not ready; nothing if it is."""

log = logging.getLogger(__name__)


class Monitor(Service):
    """Answers while the worker's event loop turns, whatever Kafka does."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, why_not_ready: Readiness) -> None:
        super().__init__()
        self._host, self._port = host, port
        self._registry = registry
        self._why_not_ready = why_not_ready
        self._stalls = Histogram("gridtwin_event_loop_stall_seconds", "How late the event loop did what was due",
                                 registry=registry, buckets=STALLS_S)  # fmt: skip
        self._runner = web.AppRunner(self._application(), access_log=None, handle_signals=False)

    async def on_start(self) -> None:
        """Listen; an address that cannot be had ends the worker with the remedy."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, shutdown_timeout=1.0).start()
        except OSError as error:
            die(BatchError(f"cannot listen at {self._host}:{self._port} ({error.strerror}); set VPP_WEB_HOST and "
                           "VPP_WEB_PORT"))  # fmt: skip
        log.info("metrics, livez and readyz at http://%s:%s", self._host, self._port)

    async def on_stop(self) -> None:
        """Close what is open."""
        await self._runner.cleanup()

    @Service.task
    async def _watch_stalls(self) -> None:
        while not self.should_stop:
            due_s = time.monotonic() + WAKE_S
            await asyncio.sleep(WAKE_S)
            self._stalls.observe(max(0.0, time.monotonic() - due_s))

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1)
        application.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        return application

    async def _livez(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _: web.Request) -> web.Response:
        reasons = self._why_not_ready()
        status, code = ("not ready", 503) if reasons else ("ready", 200)
        return web.json_response({"status": status, **reasons}, status=code)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
