"""Topology for the machines of a worker: read whole before telemetry, then followed, outside the group.

Faust's own global tables are not used: with several workers they do not keep up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.batch.errors import die
from app.batch.farewell import part
from app.batch.lean import lean
from app.batch.watched import watch_consumer
from app.domain.alike import alike
from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology_faults import usable
from app.domain.units import Offset
from app.kafka.clients import partition_of
from app.kafka.security import connection
from app.kafka.topology_report import TopologyReport
from app.topics import TOPOLOGY_NODE, TOPOLOGY_SITE

POLL_MS = 200
NODES = TopicPartition(TOPOLOGY_NODE, 0)

log = logging.getLogger(__name__)
_decode_node = msgspec.json.Decoder(NodeRecord).decode
_decode_site = msgspec.json.Decoder(SiteRecord).decode


Learned = tuple[SiteRecord | None, Offset]
"""What can be used of a site's record, and its offset."""


class Learner(Protocol):
    """What is told of topology: the machine of one partition."""

    def learn_node(self, node_id: str, record: NodeRecord | None, offset: int) -> None: ...

    def learn_site(self, site_id: str, record: SiteRecord | None, offset: int) -> None: ...

    def learn_sites(self, records: Mapping[str, Learned]) -> None: ...


class TopologyFeed:
    """Reads topology.node whole and topology.site of the partitions owned.

    A record that cannot be read is reported and counts as absent: it has already replaced the one before it.
    """

    def __init__(self, broker: str, partitions: int, *, wait_s: float) -> None:
        self.broker = broker
        self.partitions = partitions
        self.wait_s = wait_s
        self.nodes: dict[str, tuple[NodeRecord | None, int]] = {}
        self.sites: dict[int, dict[str, SiteRecord | None]] = {}
        self._unfollowed: dict[int, dict[str, Learned]] = {}
        """What was read of partitions that nobody follows yet."""
        self.report = TopologyReport()
        self._learners: dict[int, Learner] = {}
        self._consumer: Any = None
        self._following: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()

    async def assign(self, owned: set[int]) -> None:
        """Read everything for a new set of partitions to its end; who learned before is forgotten."""
        await self.stop()
        self._learners, self.nodes = {}, {}
        self.sites = {partition: {} for partition in owned}
        self._unfollowed = {partition: {} for partition in owned}
        self._consumer = AIOKafkaConsumer(
            **connection(self.broker), enable_auto_commit=False, auto_offset_reset="earliest", key_deserializer=lean
        )
        await self._consumer.start()
        watch_consumer(self._consumer)
        self._consumer.assign([NODES, *(TopicPartition(TOPOLOGY_SITE, partition) for partition in sorted(owned))])
        await self._read_to_end(time.monotonic() + 600.0)
        self._following = asyncio.create_task(self._follow())

    def follow(self, partition: int, learner: Learner) -> None:
        """Tell a machine what is known, and from now on what changes."""
        self._learners[partition] = learner
        for name, (node, offset) in self.nodes.items():
            learner.learn_node(name, node, offset)
        learner.learn_sites(self._unfollowed.pop(partition))

    async def catch_up(self, partition: int) -> None:
        """Read to where topology ends now, for as long as is allowed."""
        del partition
        await self._read_to_end(time.monotonic() + self.wait_s)

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
            self._following = None
        if self._consumer is not None:
            await part(self._consumer)

    async def _read_to_end(self, until_s: float) -> None:
        async with self._reading:
            tps = list(self._consumer.assignment())
            ends = await self._consumer.end_offsets(tps)
            while time.monotonic() < until_s:
                missing = [tp for tp in tps if await self._consumer.position(tp) < ends[tp]]
                if not missing:
                    return
                await self._read()

    async def _follow(self) -> None:
        try:
            await asyncio.gather(self._read_on(), self._report_faults())
        except Exception as error:
            die(error)

    async def _read_on(self) -> None:
        while True:
            async with self._reading:
                await self._read()
            await asyncio.sleep(POLL_MS / 1000)

    async def _report_faults(self) -> None:
        """Faults are looked for once machines have what they need: a start does not wait for it."""
        while True:
            if not self._unfollowed:
                await self.report.tell(self.nodes, list(self.sites.values()))
            await asyncio.sleep(POLL_MS / 1000)

    async def _read(self) -> None:
        for tp, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                if tp == NODES:
                    self._learn_node(record)
                else:
                    self._learn_site(tp.partition, record)
            await asyncio.sleep(0)

    def _learn_node(self, record: Any) -> None:
        name = (record.key or b"").decode(errors="replace")
        node = self._decode(_decode_node, record, TOPOLOGY_NODE, name)
        self.nodes[name] = (node, record.offset)
        for learner in self._learners.values():
            learner.learn_node(name, node, record.offset)

    def _learn_site(self, partition: int, record: Any) -> None:
        key = record.key or b""
        name = key.decode(errors="replace")
        home = partition_of(key, self.partitions)
        if home != partition:
            log.warning("site %r in partition %s of %s belongs into %s: ignored; write it with murmur2",
                        name, partition, TOPOLOGY_SITE, home,
                        extra={"topic": TOPOLOGY_SITE, "partition": partition, "offset": record.offset})  # fmt: skip
            return
        site = self._decode(_decode_site, record, TOPOLOGY_SITE, name)
        site = alike(site) if site is not None else None
        self.sites[partition][name] = site
        learned: Learned = usable(site) if site is not None else None, record.offset
        if partition in self._learners:
            self._learners[partition].learn_site(name, *learned)
        else:
            self._unfollowed[partition][name] = learned

    def _decode(self, decode: Any, record: Any, topic: str, name: str) -> Any:
        try:
            found = decode(record.value) if record.value is not None else None
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self.report.read(topic, name, error)
            return None
        self.report.read(topic, name, None)
        return found
