"""I8: what is said is absolute and versioned, so a repeated message changes nothing for whoever hears it."""

from __future__ import annotations

import pytest

from tests.batch.killing import Evidence

pytestmark = pytest.mark.broker


def test_messages_are_repeated_after_kills_and_the_newest_of_a_key_is_right(killed: Evidence) -> None:
    messages = [(one.key.decode(), *map(int, one.value.split())) for one in killed.output]
    assert len(set(messages)) < len(messages), "no kill made anything be said again"
    assert {key: total for key, _, total in sorted(messages)} == killed.due


def test_a_version_of_a_key_never_has_two_contents(killed: Evidence) -> None:
    messages = {(one.key, one.value) for one in killed.output}
    assert len({(key, value.split()[0]) for key, value in messages}) == len(messages)
