"""`python -m tests.system.dying_copy PLACE N ...`: the `gridtwin` command, which dies when it left a place N times.

Nothing else is changed, and what was sent by then is acknowledged: the moment is the same in every run.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from app.__main__ import main
from app.kafka import repartition
from app.kafka.clients import BatchPublisher
from app.kafka.repartition_turn import Turn

FLUSH = BatchPublisher.flush
PLACES: dict[str, tuple[Any, str]] = {
    "topics made": (repartition, "create_topics"),
    "topic of topology": (BatchPublisher, "flush"),
    "part of a turn": (BatchPublisher, "publish"),
    "turn": (Turn, "publish"),
    "clock of the topic": (repartition, "alter_topic"),
}


def die_behind(place: str, times: int) -> None:
    """Let this process kill itself, as the kernel would."""
    owner, name = PLACES[place]
    setattr(owner, name, _dying(getattr(owner, name), times))


def _dying(step: Callable[..., Awaitable[Any]], times: int) -> Callable[..., Awaitable[Any]]:
    left = [times]

    async def run(*given: Any) -> Any:
        done = await step(*given)
        left[0] -= 1
        if not left[0]:
            if isinstance(given[0], BatchPublisher):
                await FLUSH(given[0])
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return run


if __name__ == "__main__":
    die_behind(sys.argv[1], int(sys.argv[2]))
    del sys.argv[1:3]
    main()
