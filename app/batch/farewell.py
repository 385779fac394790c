"""How to part from a client: over TLS an answer under way can hold its end up for as long as asyncio waits, 30 s."""

from __future__ import annotations

import asyncio
from typing import Any

PATIENCE_S = 1.0

_parting: set[asyncio.Future[Any]] = set()


async def part(client: Any) -> None:
    """Stop a client that has nothing to lose, and go on before its connections are closed if they take their time."""
    stopping = asyncio.ensure_future(client.stop())
    _parting.add(stopping)
    stopping.add_done_callback(_parting.discard)
    await asyncio.wait([stopping], timeout=PATIENCE_S)
    if stopping.done():
        stopping.result()
