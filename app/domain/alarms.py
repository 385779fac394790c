"""When to look at which site: attended times, in order, at little cost for those that are put off again and again."""

from __future__ import annotations

from heapq import heappop, heappush

from app.domain.entry import NEVER
from app.domain.site import NO_ALARM, Site
from app.domain.units import MS_PER_S, Milliseconds

ONE_SECOND_MS = Milliseconds(MS_PER_S)


class Alarms:
    """One alarm per site, in `site.look_at_ms`; an earlier one takes the place of a later one.

    Sites wait by second, unordered: nearly every one of them is heard again in time. `next_ms` is when there is
    something to do: either a second begins, or a site of the present one is due.
    """

    __slots__ = ("_begun_ms", "_due", "_order", "_seconds", "next_ms")

    def __init__(self) -> None:
        self.next_ms = NO_ALARM
        self._seconds: dict[Milliseconds, list[Site]] = {}
        self._order: list[Milliseconds] = []
        self._due: list[tuple[Milliseconds, str]] = []
        self._begun_ms = NEVER

    def set(self, site: Site, due_ms: Milliseconds) -> None:
        """Set a site's alarm, unless an earlier one is set; who looks then sets the next."""
        if due_ms >= site.look_at_ms:
            return
        site.look_at_ms = due_ms
        second_ms = due_ms - due_ms % ONE_SECOND_MS
        if second_ms <= self._begun_ms:
            heappush(self._due, (due_ms, site.name))
            self._plan()
        elif (waiting := self._seconds.get(second_ms)) is not None:
            waiting.append(site)
        else:
            self._seconds[second_ms] = [site]
            heappush(self._order, second_ms)
            self._plan()

    def begin(self) -> tuple[Milliseconds, list[Site]]:
        """Begin the next second; return it and its sites, their alarms taken away: set those that still hold."""
        self._begun_ms = second_ms = heappop(self._order)
        sites = [site for site in self._seconds.pop(second_ms) if _is_of(site, second_ms)]
        for site in sites:
            site.look_at_ms = NO_ALARM
        self._plan()
        return second_ms, sites

    def due(self, attended_ms: Milliseconds) -> tuple[Milliseconds, str] | None:
        """Take the next alarm of the seconds that have begun, if its time has come."""
        if not self._due or self._due[0][0] > attended_ms:
            return None
        alarm = heappop(self._due)
        self._plan()
        return alarm

    def _plan(self) -> None:
        self.next_ms = min(
            self._order[0] if self._order else NO_ALARM,
            self._due[0][0] if self._due else NO_ALARM,
        )


def _is_of(site: Site, second_ms: Milliseconds) -> bool:
    return second_ms <= site.look_at_ms < second_ms + ONE_SECOND_MS
