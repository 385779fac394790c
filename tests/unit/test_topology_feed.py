"""Reading topology leaves turns to others: a fleet's takes seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka import TopicPartition

from app.domain.contracts import SiteRecord
from app.domain.murmur import partition_of
from app.kafka.topology_feed import TopologyFeed
from app.topics import TOPOLOGY_SITE
from tests.builders import a_device, a_site

PARTITIONS = 8
FETCHED = {
    TopicPartition(TOPOLOGY_SITE, partition_of(name, PARTITIONS)): [
        SimpleNamespace(key=name, value=msgspec.json.encode(a_site("feeder", devices=[])), offset=0)
    ]
    for name in [b"s%d" % number for number in range(40)]
}


class Fetched:
    """A consumer that has something of every partition."""

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        return FETCHED


async def test_others_get_a_turn_between_the_partitions_that_were_fetched():
    feed = TopologyFeed("nowhere", PARTITIONS, wait_s=1.0)
    feed.sites, feed._unfollowed = ({partition: {} for partition in range(PARTITIONS)} for _ in range(2))  # type: ignore[assignment]
    feed._consumer = Fetched()
    reading, seen = asyncio.create_task(feed._read()), set()
    while not reading.done():
        await asyncio.sleep(0)
        seen.add(sum(map(len, feed.sites.values())))
    assert len(seen) == len(FETCHED) == PARTITIONS


class Learner:
    """A machine that only keeps what it is told."""

    def __init__(self) -> None:
        self.sites: dict[str, tuple[Any, int]] = {}

    def learn_node(self, *_: object) -> None:
        raise AssertionError("there are no nodes")

    def learn_site(self, site_id: str, record: SiteRecord | None, offset: int) -> None:
        self.sites[site_id] = record, offset

    def learn_sites(self, records: Mapping[str, tuple[SiteRecord | None, int]]) -> None:
        self.sites.update(records)


async def test_faults_are_looked_for_once_every_partition_is_followed():
    feed, first, second = TopologyFeed("nowhere", 2, wait_s=1.0), Learner(), Learner()
    feed.sites, feed._unfollowed = ({0: {}, 1: {}} for _ in range(2))  # type: ignore[assignment]
    _learn(feed, b"s1", a_site("nowhere", devices=[a_device("meter")]))
    reporting = asyncio.create_task(feed._report_faults())
    feed.follow(0, first)
    for _ in range(10):
        await asyncio.sleep(0)
    assert feed.report.is_due

    feed.follow(1, second)
    async with asyncio.timeout(60):
        while not feed.report.faults:
            await asyncio.sleep(0.01)
    reporting.cancel()
    assert len(feed.report.faults) == 1


def test_a_machine_is_told_what_was_read_before_and_what_comes_after_it_follows():
    feed, learner = TopologyFeed("nowhere", 1, wait_s=1.0), Learner()
    feed.sites, feed._unfollowed = {0: {}}, {0: {}}
    usable, faulty = (a_site("n", devices=[a_device(name, kind=kind)]) for name, kind in (("m", "load"), ("n", "No")))
    _learn(feed, b"s1", usable, offset=3)
    _learn(feed, b"s2", faulty, offset=4)
    feed.follow(0, learner)
    _learn(feed, b"s3", None, offset=5)

    assert learner.sites == {"s1": (usable, 3), "s2": (a_site("n", devices=[]), 4), "s3": (None, 5)}
    assert feed.sites == {0: {"s1": usable, "s2": faulty, "s3": None}}


def _learn(feed: TopologyFeed, name: bytes, site: SiteRecord | None, *, offset: int = 0) -> None:
    value = msgspec.json.encode(site) if site is not None else None
    record = SimpleNamespace(key=name, value=value, offset=offset)
    feed._learn_site(partition_of(name, feed.partitions), record)
