"""Every cell of docs/states.md, wanted here and found by driving the machines there."""

from __future__ import annotations

import pytest

from app.domain.operation import KNOWN_KINDS
from tests.states import (
    EVENTS,
    INPUTS,
    PAGE,
    QUARANTINE_EVENTS,
    QUARANTINE_STATES,
    STATES,
    connectivity_cell,
    operation_cell,
    page,
    quarantine_cell,
)

WANTED = {
    "never_seen": "online online delayed never_seen never_seen never_seen never_seen",
    "online": "online online delayed online delayed offline online",
    "delayed": "delayed online delayed delayed delayed offline delayed",
    "offline": "recovering online recovering offline offline offline offline",
    "recovering": "online online recovering recovering offline offline recovering",
}
CELLS = [
    (state, event, after) for state, row in WANTED.items() for event, after in zip(EVENTS, row.split(), strict=True)
]
STORAGE = "charging discharging idle empty full idle"
OTHERS = "consuming generating idle idle idle idle"


def test_the_page_is_what_the_machines_do() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.states`"


def test_every_state_is_driven_to() -> None:
    assert WANTED.keys() == STATES.keys()


@pytest.mark.parametrize(("state", "event", "after"), CELLS)
def test_an_event_leads_from_a_state_to_the_one_that_is_wanted(state: str, event: str, after: str) -> None:
    assert connectivity_cell(state, event).after == after


@pytest.mark.parametrize(
    ("state", "event", "path"),
    [
        ("online", "long silence", ("delayed", "offline")),
        ("offline", "heard in a row", ("recovering", "online")),
        ("delayed", "heard in a row", ("online",)),
        ("delayed", "heard now and then", ()),
        ("online", "our outage", ()),
        ("offline", "late", ()),
    ],
)
def test_each_step_on_the_way_is_a_transition_and_standing_still_is_none(
    state: str, event: str, path: tuple[str, ...]
) -> None:
    assert connectivity_cell(state, event).path == path


@pytest.mark.parametrize("state", QUARANTINE_STATES)
def test_a_site_is_set_aside_by_an_exception_and_let_back_by_its_topology_only(state: str) -> None:
    wanted = {
        "folding": "folding quarantined folding folding",
        "quarantined": "quarantined quarantined quarantined folding",
    }

    assert [quarantine_cell(state, event) for event in QUARANTINE_EVENTS] == wanted[state].split()


@pytest.mark.parametrize("kind", [*sorted(KNOWN_KINDS), "any other"])
def test_what_a_device_does_depends_on_its_kind_power_and_charge(kind: str) -> None:
    wanted = STORAGE if kind in ("battery", "ev_charger", "hybrid") else OTHERS if kind in KNOWN_KINDS else "none " * 6

    assert [operation_cell(kind, given) for given in INPUTS] == wanted.split()
