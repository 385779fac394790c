"""Rejections with what became of them, for people: the latest, and counts of all."""

from __future__ import annotations

from collections import Counter
from heapq import heappush, heappushpop
from typing import NamedTuple

from app.errors import GridtwinError
from app.kafka.clients import read_to_end
from app.rejected.ledger import Ledger, Standing
from app.rejected.rejections import Rejection, Wanted, read_rejections, rejection_of
from app.settings import Settings
from app.topics import REJECTED

OPEN, REPLAYED, AGAIN, CLAIMED = "open", "replayed", "rejected again", "claimed"


class Listed(NamedTuple):
    """A rejection and where it stands."""

    one: Rejection
    state: str
    standing: Standing


class Listing(NamedTuple):
    """The latest rejections, newest first, and how many there are of each reason and state."""

    latest: list[Listed]
    counts: Counter[tuple[str, str]]


async def list_rejections(settings: Settings, wanted: Wanted, *, limit: int) -> Listing:
    """Return the rejections that are meant."""
    latest: list[tuple[tuple[int, int, int], Listed]] = []
    counts: Counter[tuple[str, str]] = Counter()
    places = await _places(settings.broker)
    for partition in range(settings.partitions):
        ledger = Ledger(settings.broker, partition)
        await ledger.read()
        async for one in read_rejections(settings.broker, wanted, [partition]):
            standing = ledger.standing(one.key)
            listed = Listed(one, _state(standing, places), standing)
            counts[one.reason, listed.state] += 1
            item = ((one.rejected_at_ms, one.partition, one.offset), listed)
            (heappush if len(latest) < limit else heappushpop)(latest, item)
    return Listing([listed for _, listed in sorted(latest, reverse=True)][:limit], counts)


async def _places(broker: str) -> set[tuple[int, int]]:
    """Return where everything that was ever rejected lay: what was replayed and is among it was rejected again."""
    found = set()
    async for record in read_to_end(broker, REJECTED):
        one = rejection_of(record)
        if one is not None:
            found.add((one.partition, one.offset))
    return found


def _state(standing: Standing, places: set[tuple[int, int]]) -> str:
    if standing.sent is not None:
        return AGAIN if (standing.sent.partition, standing.sent.offset) in places else REPLAYED
    return CLAIMED if standing.holder is not None else OPEN


async def find_rejection(settings: Settings, partition: int, offset: int) -> Listed:
    """Return the rejection of the record at a place, or raise if there is none."""
    async for one in read_rejections(settings.broker, Wanted(), [partition]):
        if one.offset == offset:
            ledger = Ledger(settings.broker, partition)
            await ledger.read()
            standing = ledger.standing(one.key)
            return Listed(one, _state(standing, await _places(settings.broker)), standing)
    raise GridtwinError(f"nothing at {partition}/{offset} was rejected; `gridtwin rejected list` shows what was")
