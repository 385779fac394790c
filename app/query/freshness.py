"""Whether what is shown is what was promised: all that there is, as of now, or older and why."""

from __future__ import annotations

import msgspec

from app.domain.rules import Rules
from app.query.clocks import Clocks
from app.query.progress import Progress

PATIENCE_MS = 10_000
"""Longer than a checkpoint, a commit, and two looks at them."""
SIGNS = 3
"""So many ticks may be missed."""
ROLES = ("twin", "rollup")

UNHEARD = "no worker has written anything yet"
VIEW_BEHIND = "this replica has not read everything"
UNSEEN = "Kafka does not answer"
WORKER_BEHIND = "records wait for a worker"
SILENT = "neither a reading nor a tick has come"


class Freshness(msgspec.Struct, frozen=True):
    """How old something is, whether that is more than was promised, and why."""

    age_s: float | None
    is_stale: bool
    stale_reason: str | None


class Judge:
    """Judges every partition of both roles at one moment."""

    def __init__(self, clocks: Clocks, progress: Progress, rules: Rules, *, in_replay: bool, view_whole_ms: int,
                 now_ms: int) -> None:  # fmt: skip
        self.clocks = clocks
        self.progress = progress
        self.rules = rules
        self.in_replay = in_replay
        self.now_ms = now_ms
        self._general = self._reason_of_all(view_whole_ms)
        self._reasons = {
            (role, part): self._general or self._reason(role, part)
            for role in ROLES
            for part in range(rules.partitions)
        }
        self.is_any_stale = any(self._reasons.values())
        self.stale_twins = frozenset(part for part in range(rules.partitions) if self._reasons["twin", part])

    def _reason_of_all(self, view_whole_ms: int) -> str | None:
        """What makes every number doubtful."""
        if not self.clocks.heard_ms:
            return UNHEARD
        if self.now_ms - (self.progress.looked_ms or 0) > PATIENCE_MS:
            return UNSEEN
        return VIEW_BEHIND if self.now_ms - view_whole_ms > PATIENCE_MS else None

    def _reason(self, role: str, part: int) -> str | None:
        if self.progress.lag(role, part) and self.now_ms - (self.progress.whole_ms(role, part) or 0) > PATIENCE_MS:
            return WORKER_BEHIND
        heard_ms = self.clocks.heard_ms.get(role, {}).get(part)
        if role == "twin" and self.now_ms - (heard_ms or 0) > self.silence_ms(part):
            return SILENT
        return None

    def silence_ms(self, part: int) -> int:
        """Return how long a twin worker may write nothing: it does with every tick that it reads.

        A replay stamps ticks by its own clock, so only their pace until now tells when the next one is due.
        """
        due_ms = int(self.rules.tick_ms)
        if self.in_replay:
            due_ms = min(due_ms, self.clocks.step_ms.get("twin", {}).get(part, due_ms))
        return max(PATIENCE_MS, SIGNS * due_ms)

    def of(self, role: str, part: int, *, twins: frozenset[int] | None = None) -> Freshness:
        """Return how fresh a partition is; of a node, *twins* are the partitions of the sites below it."""
        reason = self._reasons.get((role, part))
        late = self.stale_twins & (twins or frozenset())
        if reason is None and late:
            reason = self._reasons["twin", min(late)]
        return Freshness(self.clocks.age_s(self.now_ms, role, part), reason is not None, reason)

    def of_all(self) -> Freshness:
        """Return how fresh the view is as a whole: stale if any part of it is."""
        reason = next((one for one in self._reasons.values() if one is not None), None)
        return Freshness(self.clocks.age_s(self.now_ms), reason is not None, reason)
