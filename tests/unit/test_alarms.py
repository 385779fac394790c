"""Each site is looked at no later than its alarm says, in order of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.alarms import Alarms
from app.domain.site import NO_ALARM, Site
from app.domain.units import Milliseconds

TIMES_MS = st.integers(0, 5_000)


def looked_at(alarms: Alarms, until_ms: int) -> list[tuple[int, str]]:
    """Return what is due until then; every alarm of a second that begins is set again as it was."""
    found = []
    while alarms.next_ms <= until_ms:
        alarm = alarms.due(Milliseconds(until_ms))
        if alarm is not None:
            found.append(alarm)
            continue
        held = {site: site.look_at_ms for sites in alarms._seconds.values() for site in sites}
        for site in alarms.begin()[1]:
            assert site.look_at_ms == NO_ALARM
            alarms.set(site, held[site])
    return found


def test_an_earlier_alarm_takes_the_place_of_a_later_one_and_not_the_other_way_round():
    alarms, one = Alarms(), Site("a")
    alarms.set(one, Milliseconds(2_500))
    alarms.set(one, Milliseconds(1_200))
    alarms.set(one, Milliseconds(1_700))

    assert one.look_at_ms == 1_200
    assert looked_at(alarms, 1_199) == []
    assert looked_at(alarms, 2_499) == [(1_200, "a")]


def test_an_alarm_in_a_second_that_has_begun_is_due_in_its_time():
    alarms, one, other = Alarms(), Site("a"), Site("b")
    alarms.set(one, Milliseconds(1_000))
    assert looked_at(alarms, 1_000) == [(1_000, "a")]
    alarms.set(other, Milliseconds(1_400))
    alarms.set(Site("c"), Milliseconds(900))

    assert alarms.next_ms == 900
    assert looked_at(alarms, 1_399) == [(900, "c")]
    assert looked_at(alarms, 1_400) == [(1_400, "b")]
    assert alarms.next_ms == NO_ALARM


@given(st.lists(TIMES_MS, max_size=20), TIMES_MS)
def test_what_is_due_comes_in_order_of_time_and_nothing_else_does(times_ms: list[int], until_ms: int):
    alarms = Alarms()
    for number, at_ms in enumerate(times_ms):
        alarms.set(Site(f"s{number:02}"), Milliseconds(at_ms))

    due = sorted((at_ms, f"s{number:02}") for number, at_ms in enumerate(times_ms) if at_ms <= until_ms)
    assert looked_at(alarms, until_ms) == due
    assert looked_at(alarms, 6_000) == sorted(
        (at_ms, f"s{number:02}") for number, at_ms in enumerate(times_ms) if at_ms > until_ms
    )
