"""What the view holds of rejected telemetry: each on disk, counts and the latest in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.query.clocks import Clocks
from app.query.events import Event, event_data
from app.query.rows import COUNTS, REJECTION, REJECTIONS, SITE, Draft, Held, dated_key, feed_key, pack

_encode = msgspec.json.Encoder(order="deterministic").encode


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected record, or some readings of it; the bytes themselves stay in the topic."""

    reason: str
    detail: str
    site: str | None
    topic: str
    partition: int
    offset: int
    items: str
    rejected_at_ms: int


class Summary(msgspec.Struct):
    """How many rejections of each reason since the view began, and the latest of each."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    latest: dict[str, Rejected] = msgspec.field(default_factory=dict)


read_rejection = msgspec.json.Decoder(Rejected).decode
_summary = msgspec.json.Decoder(Summary).decode


class Rejections:
    """Rejections on disk, and their summary."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.summary = Summary()
        self._is_unsettled = False

    def restore(self) -> None:
        """Bring back what is in memory."""
        row = self._draft.rows.get(COUNTS)
        self.summary = _summary(row) if row is not None else Summary()

    def settle(self) -> None:
        """Keep the summary with the records that it counts."""
        if self._is_unsettled:
            self._draft.put(COUNTS, _encode(self.summary))
            self._is_unsettled = False

    def take(self, record: Any, clocks: Clocks) -> Iterator[Event]:
        """Take in a rejection; one that was said before counts once."""
        one = read_rejected(record)
        key = dated_key(REJECTION, one.rejected_at_ms, SITE, one.site or "", one.partition, one.offset)
        clocks.newest_rejection_ms = max(clocks.newest_rejection_ms, record.timestamp)
        if self._draft.get(key) is not None:
            return
        self._draft.put(key, pack(Held(one.offset, record.timestamp, _encode(one))))
        self._draft.put(feed_key(REJECTIONS, one.rejected_at_ms, key), key)
        self._count(one)
        name = ("rejection", str(one.partition), str(one.offset))
        sites = (one.site,) if one.site is not None else ()
        yield Event("rejection", name, (), sites, event_data({"reason": one.reason, "site": one.site}, _encode(one)),
                    record.timestamp)  # fmt: skip

    def _count(self, one: Rejected) -> None:
        counts = self.summary.counts
        counts[one.reason] = counts.get(one.reason, 0) + 1
        latest = self.summary.latest.get(one.reason)
        if latest is None or _order(one) > _order(latest):
            self.summary.latest[one.reason] = one
        self._is_unsettled = True


def _order(one: Rejected) -> tuple[int, int, int]:
    """Whatever order they are read in, one of them is the latest."""
    return one.rejected_at_ms, one.partition, one.offset


def read_rejected(record: Any) -> Rejected:
    """Return what the headers of a rejected record say."""
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    return Rejected(
        reason=headers.get("vpp-reason", ""),
        detail=headers.get("vpp-detail", ""),
        site=headers.get("vpp-key") or None,
        topic=headers.get("vpp-topic", ""),
        partition=_number(headers.get("vpp-partition")),
        offset=_number(headers.get("vpp-offset")),
        items=headers.get("vpp-items", ""),
        rejected_at_ms=record.timestamp,
    )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
