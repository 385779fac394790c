"""What stops a worker on purpose, and how a process ends when something it relies on broke."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys
from typing import Any, NoReturn

EXIT_FAILED = 1
DISK_FULL = os.strerror(errno.ENOSPC)
"""In the words of the system, which RocksDB repeats."""

log = logging.getLogger(__name__)


class BatchError(Exception):
    """A state of the world in which going on would be wrong; says what was seen and what to do.

    *place* is the topic, partition and offset that it is about, for the log.
    """

    def __init__(self, message: str, **place: object) -> None:
        super().__init__(message)
        self.place = place


def die_of(task: asyncio.Future[Any]) -> None:
    """End the process if a task that has to run for ever raised: without it a worker would look well and do nothing."""
    if not task.cancelled() and (error := task.exception()) is not None:
        die(error)


def die(error: BaseException) -> NoReturn:
    """End the process at once: nothing that was not acknowledged is lost, nothing more may be acknowledged."""
    if isinstance(error, BatchError):
        log.critical("stopped: %s", error, extra=error.place)
    elif DISK_FULL in str(error):
        log.critical("stopped: a disk is full (%s); free space on it, then start again", error)
    else:
        log.critical(
            "stopped by an unexpected error; start again, report it with this trace if it repeats", exc_info=error
        )
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_FAILED)
