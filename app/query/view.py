"""The view: what every record does to it. No Kafka, no clock, no disk of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import msgspec

from app.domain.rules import Rules
from app.query.aggregates import Aggregates
from app.query.checkpoints import Checkpoints
from app.query.clocks import read_clocks
from app.query.events import Event
from app.query.membership import Membership
from app.query.rejections import Rejections
from app.query.rows import DATED, REJECTION, REJECTIONS, Draft, Rows, day_of, day_prefix
from app.query.twins import Twins
from app.topics import (
    AGGREGATE_SITE,
    REJECTED,
    TOPOLOGY_NODE,
    TOPOLOGY_SITE,
    TWIN_CHANGELOG,
    TWIN_TRANSITIONED,
    TWIN_UPDATED,
)

TWIN_TOPICS = (AGGREGATE_SITE, TWIN_UPDATED, TWIN_TRANSITIONED, TWIN_CHANGELOG)
NOT_A_WORKERS = (TOPOLOGY_NODE, TOPOLOGY_SITE, REJECTED)
WARNINGS = 10

log = logging.getLogger(__name__)


class View:
    """Everything that is known, as the topics have it: the newest revision of a key wins."""

    def __init__(self, rows: Rows, rules: Rules, *, retention_days: int) -> None:
        self.rules = rules
        self.rows = rows
        self.draft = Draft(rows)
        self.retention_days = retention_days
        self.membership = Membership(self.draft)
        self.aggregates = Aggregates(self.draft)
        self.twins = Twins(self.draft)
        self.rejections = Rejections(self.draft)
        self.checkpoints = Checkpoints(self.draft)
        self.clocks = read_clocks(self.draft)
        self.unreadable = 0
        self._oldest_day: dict[bytes, int] = {}
        self._takers = {
            TOPOLOGY_NODE: self.membership.take_node,
            TOPOLOGY_SITE: self.membership.take_site,
            TWIN_UPDATED: self.twins.take_twin,
            TWIN_TRANSITIONED: self.twins.take_transition,
            REJECTED: self.rejections.take,
            TWIN_CHANGELOG: self.checkpoints.take,
        }
        for part in (self.membership, self.aggregates, self.twins, self.rejections):
            part.restore()

    def apply(self, records: Iterable[Any]) -> list[Event]:
        """Take in records; the rows that changed wait in the draft."""
        events: list[Event] = []
        for record in records:
            try:
                events += self._takers.get(record.topic, self.aggregates.take)(record, self.clocks)
            except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
                self._note_unreadable(record, error)
            if record.topic not in NOT_A_WORKERS:
                role = "twin" if record.topic in TWIN_TOPICS else "rollup"
                self.clocks.hear(role, record.partition, record.timestamp)
        self.rejections.settle()
        self.clocks.keep(self.draft)
        self._expire()
        return events

    @property
    def newest_day(self) -> int:
        """Return the newest day under which anything may be kept."""
        return day_of(max(self.clocks.newest_ms, self.clocks.as_of_ms() or 0))

    def _note_unreadable(self, record: Any, error: Exception) -> None:
        self.unreadable += 1
        if self.unreadable <= WARNINGS:
            place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            log.warning("%s, partition %s, offset %s is not as it should be (%s): left out; find out who else writes "
                        "there", record.topic, record.partition, record.offset, error, extra=place)  # fmt: skip

    def _expire(self) -> None:
        """Drop whole days that are older than the retention, counted from the newest."""
        for family in DATED:
            is_rejection = family in (REJECTION, REJECTIONS)
            newest_ms = self.clocks.newest_rejection_ms if is_rejection else self.clocks.newest_ms
            oldest = day_of(newest_ms) - self.retention_days
            if oldest > self._oldest_day.get(family, 0):
                self.draft.drop(day_prefix(family, 0), day_prefix(family, oldest))
                self._oldest_day[family] = oldest
