"""Who is told what, what waits, and how a stream resumes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.client.told import Reader
from app.query.events import Event
from app.query.problems import ProblemError
from app.query.resume import above, live_events, missed_events
from app.query.stream import Interest, Listener, Streams, make_id, read_id
from tests.builders import NOON_MS, a_device, a_node, a_site
from tests.query_builders import QUARTER_MS, a_live, a_transition, a_view, a_window, known

WORLD = {"top": a_node("region"), "n": a_node("feeder", "top"), "m": a_node("feeder", "top"),
         "s": a_site("n", devices=[a_device("d")])}  # fmt: skip


def an_event(name: str = "live", node: str = "n", value: str = "1") -> Event:
    return Event(name, (name, node), (node,), (), value.encode())


def streams(*, most: int = 10, per_client: int = 10, events: int = 100) -> Streams:
    view = a_view(None, *known(WORLD))

    def climb(event: Event) -> Iterable[str]:
        return above(view, event)

    return Streams(climb, most=most, per_client=per_client, events=events)


def opened(hub: Streams, *, most: int = 100, **interest: set[str]) -> Listener:
    listener = Listener(Interest(**{name: frozenset(words) for name, words in interest.items()}), most)
    hub.open(listener, "client")
    return listener


def told(listener: Listener) -> list[tuple[str, str]]:
    return [(event.key[1], event.data.decode()) for _, event in listener.take()]


def test_a_stream_is_told_of_its_nodes_only() -> None:
    hub = streams()
    listener = opened(hub, nodes={"n"})
    hub.tell([an_event(node="m"), an_event(node="n"), an_event(node="top")])

    assert told(listener) == [("n", "1")]


def test_a_subtree_is_told_of_everything_below_it() -> None:
    hub = streams()
    whole, part = opened(hub, subtrees={"top"}), opened(hub, subtrees={"n"})
    of_site = Event("transition", ("transition", "s"), (), ("s",), b"1")
    hub.tell([an_event(node="m"), an_event(node="n"), an_event(node="top"), of_site])

    assert [name for name, _ in told(whole)] == ["m", "n", "top", "s"]
    assert [name for name, _ in told(part)] == ["n", "s"]


def test_twins_come_only_to_who_names_their_site() -> None:
    hub = streams()
    everything, site = opened(hub), opened(hub, sites={"s"})
    hub.tell([Event("twin", ("twin", "s"), (), ("s",), b"1")])

    assert (told(everything), told(site)) == ([], [("s", "1")])


def test_only_events_that_were_named_come() -> None:
    hub = streams()
    listener = opened(hub, names={"window"})
    hub.tell([an_event("live"), an_event("window")])

    assert [event.name for _, event in listener.take()] == ["window"]


def test_what_waits_is_replaced_by_what_is_newer_of_the_same() -> None:
    hub = streams()
    listener = opened(hub)
    hub.tell([an_event(value="1"), an_event(node="m"), an_event(value="2")])

    assert told(listener) == [("m", "1"), ("n", "2")]


def test_a_stream_that_is_not_read_keeps_no_more_than_allowed() -> None:
    hub = streams()
    listener = opened(hub, most=2)
    hub.tell([an_event(node=node) for node in ("a", "b", "a")])

    assert (len(listener.waiting), listener.is_overrun) == (2, False)


def test_a_stream_that_is_overrun_keeps_nothing_and_ends() -> None:
    hub = streams()
    listener = opened(hub, most=2)
    hub.tell([an_event(node=node) for node in ("a", "b", "c", "d")])

    assert (listener.take(), listener.is_overrun) == ([], True)


def test_one_stream_too_many_is_put_off() -> None:
    hub = streams(most=2, per_client=1)
    opened(hub)
    with pytest.raises(ProblemError) as of_one:
        hub.require_room("client")
    hub.require_room("other")
    hub.open(Listener(Interest(), 1), "other")
    with pytest.raises(ProblemError) as of_all:
        hub.require_room("third")

    assert [refused.value.status for refused in (of_one, of_all)] == [429, 503]
    assert of_one.value.retry_after_s is not None


def test_a_closed_stream_leaves_nothing_behind() -> None:
    hub = streams()
    listener = opened(hub, nodes={"n"}, subtrees={"top"}, sites={"s"})
    hub.close(listener)

    assert (len(hub), hub._by_key, hub._clients) == (0, {}, {})


def test_a_stream_resumes_behind_the_last_event_that_it_had() -> None:
    hub = streams()
    hub.tell([an_event(value=str(number)) for number in (1, 2, 10)])
    kept = hub.since(hub.identity, 2)

    assert kept is not None
    assert [event.data for _, event in kept] == [b"10"]


@pytest.mark.parametrize(("identity", "number"), [("another", 2), (None, 100), (None, 1)])
def test_what_is_no_longer_kept_is_not_pretended(identity: str | None, number: int) -> None:
    hub = streams(events=2)
    hub.tell([an_event(value=str(value)) for value in (1, 2, 10, 20)])

    assert hub.since(identity or hub.identity, number) is None


def test_an_id_is_read_as_it_was_made_and_no_other_is() -> None:
    hub = streams()

    assert read_id(make_id(hub, 2, 10)) == (hub.identity, 2, 10)
    assert [read_id(text) for text in ("", "x", "a-b-c", "a-1", "a-1-2-3", "a-²-1", "a-1-" + "9" * 99)] == [None] * 7


def test_another_replica_tells_what_was_recorded_since() -> None:
    minute = 60_000
    view = a_view(None, *known(WORLD),
                  a_window("n", 1, start_ms=NOON_MS, at_ms=NOON_MS),
                  a_window("n", 2, start_ms=NOON_MS + QUARTER_MS, at_ms=NOON_MS + 10 * minute),
                  a_window("m", 10, start_ms=NOON_MS, at_ms=NOON_MS + 10 * minute),
                  a_transition("s"))  # fmt: skip
    found = list(missed_events(view, Interest(nodes=frozenset({"n"})), NOON_MS + 10 * minute))
    everything = list(missed_events(view, Interest(), NOON_MS))

    assert [event.key for event in found] == [("window", "node", "n", str(NOON_MS + QUARTER_MS))]
    assert sorted(event.name for event in everything) == ["transition", "window", "window", "window"]


def test_a_new_stream_begins_with_live_values() -> None:
    view = a_view(None, *known(WORLD), a_live("n", 1), a_live("m", 2), a_live("top", 3, level="region"))

    assert [event.key[1] for event in live_events(view, Interest())] == ["m", "n", "top"]
    assert [event.key[1] for event in live_events(view, Interest(subtrees=frozenset({"n"})))] == ["n"]
    assert list(live_events(view, Interest(names=frozenset({"window"})))) == []


def test_lines_become_events_and_the_last_id_is_kept() -> None:
    reader = Reader()
    lines = ["retry: 2000", "", ": a comment", "", "id: a-1-2", "event: live", 'data: {"node":"n"}', "", "event: x"]
    found = [one for line in lines for one in reader.take(line)]

    assert found == [("live", {"node": "n"})]
    assert reader.headers == {"Last-Event-ID": "a-1-2"}
