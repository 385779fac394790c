"""Which levels have a topic: a node may name any level, and one without a topic must stop nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from aiokafka.errors import KafkaError

from app.batch.errors import die
from app.errors import GridtwinError
from app.kafka.admin import topic_names
from app.topics import level_topic

LOOK_EVERY_S = 5.0

log = logging.getLogger(__name__)


class LevelTopics:
    """Levels by whether there is a topic for them; one that was missing is looked for again from time to time."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.missing: set[str] = set()
        self._found: set[str] = set()
        self._unknown: set[str] = set()
        self._looked_s = 0.0
        self._looking: asyncio.Task[None] | None = None

    def has(self, level: str) -> bool:
        """Whether a level is known to have a topic."""
        return level in self._found

    def knows(self, levels: Iterable[str]) -> bool:
        """Whether all levels were looked for; those that were not will be."""
        self._unknown |= {level for level in levels if level and level not in self._found | self.missing}
        return not self._unknown

    async def look(self) -> None:
        """Find out which of the levels have a topic and report those that have none."""
        self._looked_s = time.monotonic()
        names = await topic_names(self.broker)
        found = {level for level in self._unknown | self.missing if _topic(level) in names}
        for level in sorted(self._unknown - found):
            log.warning("level %r has no topic: totals of its nodes are not published; make it with "
                        "`gridtwin topics create --levels %s`, or correct the nodes", level, level)  # fmt: skip
        for level in sorted(self.missing & found):
            log.info("level %r has a topic now: totals of its nodes are published from here on", level)
        self.missing = (self.missing | self._unknown) - found
        self._found |= found
        self._unknown = set()

    def look_again(self) -> None:
        """Look for those not found in the background, if it is time."""
        is_due = self._unknown or (self.missing and time.monotonic() - self._looked_s >= LOOK_EVERY_S)
        if is_due and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_again())

    async def _look_again(self) -> None:
        try:
            await self.look()
        except (GridtwinError, KafkaError) as error:
            log.warning("could not look for the topics of levels: %s; looked for again soon, nothing to do", error)
        except Exception as error:
            die(error)


def _topic(level: str) -> str | None:
    try:
        return level_topic(level)
    except GridtwinError:
        return None
