"""The id of a source: what is remembered of it, and when a state is refused for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faust.types import TP

from app.batch import BatchError
from app.batch.identity import SOURCE_KEY, Identity, Stages

OLD, NEW = b"\x01" * 16, b"\x02" * 16
AMOUNTS = TP("amounts", 3)
OWN = (b"ka", b"1")


class Stored:
    """Rows of one table."""

    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows

    def get(self, _: str, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from ()


def noted(held: bytes | None, found: bytes | None, first: str = "totals") -> Stages:
    """Return what is remembered, beside a machine's own, where a row may hold of which source the state was made."""
    identity = Identity(["totals", "more"])
    identity.check(AMOUNTS, found, Stored({} if held is None else {SOURCE_KEY: bytes(8) + held}))
    stages = identity.beside(3, [(first, [OWN]), ("more", [OWN])])
    assert identity.beside(3, []) == []
    return stages


def test_the_id_of_a_source_is_remembered_once() -> None:
    assert noted(None, NEW) == [("totals", [(SOURCE_KEY, bytes(8) + NEW), OWN]), ("more", [OWN])]
    assert noted(NEW, NEW) == [("totals", [OWN]), ("more", [OWN])]


def test_it_comes_before_everything_and_in_the_first_table() -> None:
    assert noted(None, NEW, "more")[:2] == [("totals", [(SOURCE_KEY, bytes(8) + NEW)]), ("more", [OWN])]


def test_a_state_made_from_another_topic_of_the_name_is_refused() -> None:
    with pytest.raises(BatchError, match=f"has the id {NEW.hex()}, but the state was made from {OLD.hex()}"):
        noted(OLD, NEW)


def test_a_broker_that_tells_no_id_is_taken_at_its_word() -> None:
    assert noted(OLD, None) == noted(None, None) == [("totals", [OWN]), ("more", [OWN])]
