"""A site whose folding raised is set aside until its topology record is applied again."""

from __future__ import annotations

from app.domain.site import Site
from app.domain.twin_silence import say_transition
from app.domain.twin_state import TwinState
from app.domain.units import Milliseconds, Offset


def quarantine(state: TwinState, site: Site, error: Exception, record_ms: Milliseconds, offset: Offset) -> None:
    """Set a site aside; the transition is the alarm and carries what was raised."""
    site.quarantined_at = offset
    state.quarantined.add(site.name)
    state.mark(site)
    say_transition(
        state, site, machine="quarantine", before="folding", after="quarantined", cause=repr(error)[:200],
        at_ms=record_ms, offset=offset,
    )  # fmt: skip
