"""One replica of the query role: its view on disk, what it reads, and who listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.domain.rules import Rules
from app.query.events import Event
from app.query.store import DamagedError, Offsets, ViewStore
from app.query.view import View


class Replica:
    """Applies what is read, writes it, and only then tells of it."""

    def __init__(self, store: ViewStore, rules: Rules, *, retention_days: int,
                 tell: Callable[[list[Event]], None] = lambda _: None,
                 clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self.store = store
        self.rules = rules
        self.retention_days = retention_days
        self.tell = tell
        self.end_streams: Callable[[], None] = lambda: None
        self.clock = clock
        try:
            self.view = self._make_view()
        except DamagedError:
            store.set_aside()
            self.view = self._make_view()

    @property
    def offsets(self) -> Offsets:
        """Return how far the view has read each topic."""
        return self.store.offsets

    @property
    def now_ms(self) -> int:
        """Return the time on the wall."""
        return int(self.clock() * 1000)

    def take(self, records: list[Any], offsets: Offsets) -> None:
        """Take in records: view, disk, listeners, in this order."""
        events = self.view.apply(records)
        self.store.write(self.view.draft, offsets)
        self.tell(events)

    def begin_again(self, *, is_damaged: bool = False) -> None:
        """Forget everything; who listened would be told old things anew."""
        if is_damaged:
            self.store.set_aside()
        else:
            self.store.clear()
        self.view = self._make_view()
        self.end_streams()

    def _make_view(self) -> View:
        return View(self.store, self.rules, retention_days=self.retention_days)
