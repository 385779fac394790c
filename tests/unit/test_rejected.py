"""Which rejections are meant, what the ledger makes of its marks, and what would be accepted now."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from app.domain.contracts import Reason
from app.domain.topology import Topology
from app.rejected.acceptance import Acceptance
from app.rejected.ledger import LEASE_MS, SEND_WITHIN_S, Mark, Noted, standing_of
from app.rejected.rejections import Rejection, Wanted, rejection_of
from app.rejected.replay import REQUEST_TIMEOUT_MS
from tests.builders import NOON_MS, a_device, a_node, a_site, some_rules

DAY_MS = 86_400_000


def a_reading(device: str = "d", *, power_w: int = 1, at_ms: int = NOON_MS) -> dict[str, Any]:
    return {"device": device, "measured_at_ms": at_ms, "active_power_w": power_w}


def a_rejection(
    value: object, *, reason: str = "unknown_site", site: str = "s", items: tuple[int, ...] = (), at_ms: int = NOON_MS
) -> Rejection:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Rejection(b"t/0/7", 0, 7, reason, "", items, site.encode(), body, at_ms)


@pytest.mark.parametrize(
    ("wanted", "is_meant"),
    [
        (Wanted(), True),
        (Wanted(reasons=frozenset({"unknown_site", "future"})), True),
        (Wanted(reasons=frozenset({"future"})), False),
        (Wanted(site=b"s"), True),
        (Wanted(site=b"other"), False),
        (Wanted(since_ms=NOON_MS), True),
        (Wanted(since_ms=NOON_MS + 1), False),
        (Wanted(until_ms=NOON_MS + 1), True),
        (Wanted(until_ms=NOON_MS), False),
    ],
)
def test_rejections_are_chosen_by_reason_site_and_a_half_open_time(wanted: Wanted, is_meant: bool) -> None:
    assert wanted.holds(a_rejection([])) is is_meant


class Kept(NamedTuple):
    key: bytes
    value: bytes
    timestamp: int
    headers: list[tuple[str, bytes]]


HEADERS = {"vpp-reason": b"future", "vpp-detail": b"late", "vpp-topic": b"t", "vpp-partition": b"3",
           "vpp-offset": b"17", "vpp-items": b"1,2", "vpp-key": b"\xff"}  # fmt: skip


def test_a_rejection_is_what_its_headers_say() -> None:
    one = rejection_of(Kept(b"t/3/17", b"{", 5, list(HEADERS.items())))

    assert one == Rejection(b"t/3/17", 3, 17, "future", "late", (1, 2), b"\xff", b"{", 5)
    assert one is not None
    assert one.place == "3/17"


@pytest.mark.parametrize("missing", ["vpp-reason", "vpp-partition", "vpp-key"])
def test_a_record_that_no_worker_wrote_is_left_out(missing: str) -> None:
    headers = [(name, value) for name, value in HEADERS.items() if name != missing]

    assert rejection_of(Kept(b"t/3/17", b"{", 5, headers)) is None


def claimed(run: str, at_ms: int, ended: int = 0) -> Noted:
    return Noted(Mark(step="claimed", run=run, partition=0, offset=ended), at_ms)


def holder_of(*marks: Noted) -> tuple[str | None, int | None]:
    standing = standing_of(marks)
    return (standing.holder.mark.run if standing.holder else None), standing.search_from


def test_nobody_holds_what_nobody_claimed() -> None:
    assert holder_of() == (None, None)


def test_the_first_claim_in_the_log_holds() -> None:
    assert holder_of(claimed("one", 100), claimed("two", 100)) == ("one", None)


def test_a_claim_within_the_lease_takes_nothing_over() -> None:
    assert holder_of(claimed("one", 0), claimed("two", LEASE_MS - 1)) == ("one", None)


def test_a_claim_after_the_lease_takes_over_and_has_to_look_from_where_telemetry_ended_then() -> None:
    assert holder_of(claimed("one", 0, 20), claimed("two", LEASE_MS, 100)) == ("two", 20)


def test_a_claim_that_took_nothing_over_gives_no_lease_to_measure_the_next_by() -> None:
    late = claimed("three", LEASE_MS + 1, 100)

    assert holder_of(claimed("one", 0, 20), claimed("two", LEASE_MS - 1, 10), late) == ("three", 20)


def test_who_takes_over_twice_looks_from_the_first_on() -> None:
    marks = [claimed("one", 0, 20), claimed("two", LEASE_MS, 10), claimed("three", 2 * LEASE_MS, 100)]

    assert holder_of(*marks) == ("three", 10)


def test_what_was_sent_stays_sent_whoever_claims_it() -> None:
    sent = Noted(Mark(step="sent", run="one", partition=2, offset=100), 1)
    standing = standing_of([claimed("one", 0), sent, claimed("two", 2 * LEASE_MS)])

    assert standing.sent == sent.mark


def test_a_lease_outlasts_every_send_that_a_run_may_still_make() -> None:
    assert SEND_WITHIN_S * 1000 + REQUEST_TIMEOUT_MS < LEASE_MS


def refused(one: Rejection, *, quarantined: frozenset[str] = frozenset(), now_ms: int = NOON_MS) -> str | None:
    topology = Topology()
    topology.put_node("n", a_node("feeder"))
    topology.put_site("s", a_site("n", devices=[a_device("d", rated_w=100)]))
    return Acceptance(0, some_rules(), lambda _: 0, topology, quarantined, now_ms).refused(one)


def test_what_is_registered_now_would_be_accepted() -> None:
    assert refused(a_rejection(a_reading())) is None


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (a_rejection(a_reading(), site="nobody"), Reason.UNKNOWN_SITE),
        (a_rejection(a_reading("other")), Reason.UNKNOWN_DEVICE),
        (a_rejection(a_reading(power_w=301)), Reason.OUT_OF_RANGE),
        (a_rejection(b'{"device":'), Reason.MALFORMED),
        (a_rejection(b""), Reason.EMPTY),
        (a_rejection(a_reading(at_ms=NOON_MS + 600_001)), Reason.FUTURE),
        (a_rejection(a_reading(at_ms=NOON_MS - DAY_MS - 1)), Reason.TOO_LATE),
    ],
    ids=lambda one: one.reason if isinstance(one, Rejection) else str(one),
)
def test_what_is_still_wrong_would_be_refused_again_for_the_reason_that_it_has_now(one: Rejection, why: Reason) -> None:
    assert refused(one) == why


def test_what_was_in_the_future_is_accepted_once_its_time_has_come() -> None:
    one = a_rejection(a_reading(at_ms=NOON_MS + 600_001), reason="future")

    assert (refused(one), refused(one, now_ms=NOON_MS + 1)) == (Reason.FUTURE, None)


def test_what_waited_for_longer_than_the_horizon_is_too_late() -> None:
    assert refused(a_rejection(a_reading()), now_ms=NOON_MS + DAY_MS + 1) == Reason.TOO_LATE


def test_an_array_is_worth_sending_when_one_of_its_rejected_readings_would_be_accepted() -> None:
    mended, wrong = a_reading(), a_reading("other")

    assert refused(a_rejection([wrong, mended], items=(0, 1))) is None
    assert refused(a_rejection([wrong, mended], items=(0,))) == Reason.UNKNOWN_DEVICE
    assert refused(a_rejection([wrong, mended])) is None
    assert refused(a_rejection([wrong, wrong])) == Reason.UNKNOWN_DEVICE


@pytest.mark.parametrize("reason", ["internal_error", "unknown_device"])
def test_what_a_site_in_quarantine_said_waits_until_it_is_let_back(reason: str) -> None:
    one = a_rejection(a_reading(), reason=reason)

    assert refused(one, quarantined=frozenset("s")) == Reason.INTERNAL_ERROR
    assert refused(one) is None
