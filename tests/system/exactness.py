"""Compares the windows that are due with the truth while a replay goes on."""

from __future__ import annotations

import asyncio

from app.replay.disturb import SHUFFLE_MS
from app.topics import AGGREGATE_SITE, level_topic
from app.verify.compare import FIELDS, FINAL, Truth
from app.verify.published import Key, Reader
from tests.system.plant import Plant, until


class Exactness:
    """Reads on where it stopped; a row is due once nothing can come for it any more."""

    def __init__(self, plant: Plant) -> None:
        dataset, settings = plant.dataset, plant.settings
        levels = [level_topic(level) for level in dataset.meta.levels]
        self.plant = plant
        self.reader = Reader(settings.broker, [*levels, AGGREGATE_SITE])
        last_comes_ms = max(SHUFFLE_MS, settings.grace_s * 1000)
        self.due_after_ms = 1000 * (settings.window_s + 2 * dataset.meta.tick_s) + last_comes_ms
        self.truth: Truth = {}
        for row in dataset.truth():
            self.truth.setdefault((row.node, row.window_start_ms), {})[row.kind] = tuple(row[3:])

    def wait(self, at_ms: int) -> int:
        """Wait until every row that is due at a time is final and equal; return how many rows that are.

        Every worker that was started has to go on: one that ended would be waited for in vain.
        """
        due = {key: kinds for key, kinds in self.truth.items() if key[1] + self.due_after_ms <= at_ms}
        wrong: list[Key] = []

        def are_equal() -> bool:
            self.plant.check()
            asyncio.run(self.reader.read())
            wrong[:] = [key for key, kinds in due.items() if not self._is_equal(key, kinds)]
            return not wrong

        try:
            until(are_equal, "the rows that are due")
        except AssertionError as error:
            seen = [(key, self.reader.rows.get(key), due[key]) for key in wrong[:3]]
            raise AssertionError(f"{error}; {len(wrong)} of {len(due)} windows differ: {seen}") from error
        return sum(map(len, due.values()))

    def _is_equal(self, key: Key, kinds: dict[str, tuple[int, ...]]) -> bool:
        row = self.reader.rows.get(key)
        return (
            row is not None
            and row.status in FINAL
            and kinds
            == {
                name: tuple(getattr(row.kinds[name], one) for one in FIELDS) for name in kinds.keys() & row.kinds.keys()
            }
        )
