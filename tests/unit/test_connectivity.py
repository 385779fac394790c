"""The machine itself; what drives it is in test_twin_silence."""

import pytest

from app.domain.connectivity import Connectivity, Thresholds, next_silence, on_heard

ONLINE, DELAYED, RECOVERING, OFFLINE, NEVER_SEEN = Connectivity
LIMITS = Thresholds(delayed_ms=180_000, offline_ms=600_000, recover_readings=2)


@pytest.mark.parametrize("state", [NEVER_SEEN, ONLINE])
def test_one_heard_record_is_enough_for_a_site_that_was_never_silent(state):
    assert on_heard(state, 1, LIMITS) is ONLINE


@pytest.mark.parametrize(("state", "first"), [(DELAYED, DELAYED), (OFFLINE, RECOVERING), (RECOVERING, RECOVERING)])
def test_a_site_that_was_silent_needs_several_heard_records(state, first):
    assert on_heard(state, 1, LIMITS) is first
    assert on_heard(state, 2, LIMITS) is ONLINE


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (ONLINE, (180_000, DELAYED)),
        (DELAYED, (600_000, OFFLINE)),
        (RECOVERING, (180_000, OFFLINE)),
        (OFFLINE, None),
        (NEVER_SEEN, None),
    ],
)
def test_silence_leads_down_and_ends_at_offline(state, step):
    assert next_silence(state, LIMITS) == step


def test_the_words_are_those_of_the_contract():
    assert [state.word for state in Connectivity] == ["online", "delayed", "recovering", "offline", "never_seen"]
