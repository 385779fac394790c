"""Whether a site is heard: its connectivity as a state machine over attended time.

    never_seen --heard--> online --silence--> delayed --silence--> offline --heard--> recovering --heard--> online
                            ^---heard again-----'                     ^----silence-------'

A site was heard when a reading arrived that was not older than the delayed threshold; a backlog does not
refresh liveness. The way back to online takes several heard records in a row, none of them a delayed threshold
after the one before, so that one packet, or one in every while, does not make a site flap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from app.domain.units import Milliseconds


class Connectivity(IntEnum):
    """In the order of `LiveTotals.sites`."""

    ONLINE = 0
    DELAYED = 1
    RECOVERING = 2
    OFFLINE = 3
    NEVER_SEEN = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Thresholds(NamedTuple):
    """Silence after which a site is delayed and offline; records that bring it back."""

    delayed_ms: Milliseconds
    offline_ms: Milliseconds
    recover_readings: int


HEARD = "heard"
SILENCE = "silence"


def on_heard(state: Connectivity, heard_in_a_row: int, thresholds: Thresholds) -> Connectivity:
    """Return the state after a heard record, the *heard_in_a_row*-th."""
    if state in (Connectivity.NEVER_SEEN, Connectivity.ONLINE) or heard_in_a_row >= thresholds.recover_readings:
        return Connectivity.ONLINE
    return Connectivity.DELAYED if state is Connectivity.DELAYED else Connectivity.RECOVERING


def next_silence(state: Connectivity, thresholds: Thresholds) -> tuple[Milliseconds, Connectivity] | None:
    """Return the silence that ends *state* and the state that follows, or None if none does."""
    if state is Connectivity.ONLINE:
        return thresholds.delayed_ms, Connectivity.DELAYED
    if state is Connectivity.DELAYED:
        return thresholds.offline_ms, Connectivity.OFFLINE
    if state is Connectivity.RECOVERING:
        return thresholds.delayed_ms, Connectivity.OFFLINE
    return None
