"""Reading topology leaves turns to others: a fleet's takes seconds."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka import TopicPartition

from app.domain.murmur import partition_of
from app.kafka.topology_feed import TopologyFeed
from app.topics import TOPOLOGY_SITE
from tests.builders import a_site

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
    feed.sites, feed._offsets = ({partition: {} for partition in range(PARTITIONS)} for _ in range(2))  # type: ignore[assignment]
    feed._consumer = Fetched()
    reading, seen = asyncio.create_task(feed._read()), set()
    while not reading.done():
        await asyncio.sleep(0)
        seen.add(sum(map(len, feed.sites.values())))
    assert len(seen) == len(FETCHED) == PARTITIONS
