"""The twin role: telemetry to twins, and each partition's share of every node above them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import faust

from agents.cadence import Cadence
from agents.ticks import Ticks
from app import topics
from app.batch import BatchApp, Outgoing, Processor, Reader
from app.batch.machine import Message
from app.batch.transport import BatchSchema
from app.domain.attendance import NOT_STARTED
from app.domain.contracts import Reason
from app.domain.sayings import Rejected, SiteSayings
from app.domain.twin import SitePartition
from app.kafka.clients import partition_of
from app.kafka.topic_check import doubt
from app.kafka.topology_feed import TopologyFeed
from app.metrics import TwinCounts, outcomes_of, show_number
from app.metrics_file import metrics_writer
from app.settings import Settings
from tables.twin import create_tables

TWINS, WINDOWS = "twins", "windows"
TICK: Message = (b"", b"", ())

log = logging.getLogger(__name__)


class TwinMachine:
    """A SitePartition, and the topics and partitions that its words go to."""

    def __init__(self, partition: int, settings: Settings, reader: Reader, counts: TwinCounts | None = None) -> None:
        rules = settings.rules()
        self.partition = partition
        self.partitions = rules.partitions
        self.counts = counts or TwinCounts()
        self.sites = SitePartition(partition, rules, home_of(rules.partitions), reader)
        self.cadence = Cadence(settings.level_cadence_s, slack_s=settings.publish_cadence_s / 2)
        self.windows = Cadence(settings.level_cadence_s, settings.provisional_cadence_s)
        self.slow = Cadence({TWINS: settings.twin_cadence_s, WINDOWS: settings.provisional_cadence_s})
        self.ticks = Ticks(settings.tick_s if settings.telemetry_timestamps == "append" else None)
        self.announce = self.sites.announce
        self.remember = self.sites.remember
        self.remembered = self.sites.remembered
        self.caught_up_at = self.sites.caught_up_at

    @property
    def offset(self) -> int:
        return int(self.sites.offset)

    @property
    def quarantined(self) -> set[str]:
        """Sites of this partition that are set aside."""
        return self.sites.state.quarantined

    @property
    def stream_ms(self) -> int | None:
        """The time of this partition; None before its first record."""
        stream_ms = self.sites.state.clock.stream_ms
        return None if stream_ms == NOT_STARTED else stream_ms

    def apply(self, records: Sequence[Any], *, settled: bool) -> bool:
        if any(record.key for record in records):
            self.ticks.heard()
        state = self.sites.state
        before = outcomes_of(state)
        is_done = self.sites.apply(records, settled=settled)
        self.counts.readings(before, outcomes_of(state))
        return is_done

    def say(self, *, behind: bool, checkpoint: bool, now_s: float) -> list[Outgoing]:
        for cadence in (self.cadence, self.windows, self.slow):
            cadence.begin(now_s)
        self.counts.transitions((step.machine, step.after) for step in self.sites.state.transitions)
        said = self.sites.say(
            behind=behind,
            due=self.cadence.level,
            provisional=self.windows.level if checkpoint and self.slow.level(WINDOWS) else None,
            twins=checkpoint and self.slow.level(TWINS),
            site_windows=checkpoint,
        )
        ticks = [TICK] if self.ticks.take(now_s) else []
        return [
            *self._contributed(said),
            *self._published(said),
            *self._rejected(said.rejections),
            self._own(topics.TELEMETRY, ticks),
        ]

    def _contributed(self, said: SiteSayings) -> list[Outgoing]:
        home = home_of(self.partitions)
        batches: dict[int, list[Message]] = {}
        for node, value in said.contributions:
            key = node.encode()
            batches.setdefault(home(key), []).append((key, value, ()))
        if said.watermark is not None:
            for partition in range(self.partitions):
                batches.setdefault(partition, []).append((b"", said.watermark, ()))
        return [Outgoing(topics.CONTRIBUTED, partition, messages) for partition, messages in batches.items()]

    def _published(self, said: SiteSayings) -> list[Outgoing]:
        windows: list[Message] = [(key, value, ()) for _, key, value in said.site_windows]
        return [
            self._own(topics.AGGREGATE_SITE, windows),
            self._own(topics.TWIN_UPDATED, _keyed(said.twins)),
            self._own(topics.TWIN_TRANSITIONED, _keyed(said.transitions)),
        ]

    def _rejected(self, rejections: Sequence[Rejected]) -> list[Outgoing]:
        quarantined = [one.record for one in rejections if one.reason is Reason.INTERNAL_ERROR]
        if quarantined:
            log.error(
                "readings of sites in quarantine were rejected, of %s; report it with the cause that the transition of "
                "each says, see Quarantine in docs/operations.md", sorted({str(one.key) for one in quarantined}),
                extra={"topic": topics.TELEMETRY, "partition": self.partition, "offset": quarantined[0].offset},
            )  # fmt: skip
        return [self._own(topics.REJECTED, [self._rejection(one) for one in rejections])]

    def _rejection(self, rejected: Rejected) -> Message:
        """The original value as it came; its key is a header, as the record's own key names the original."""
        record = rejected.record
        headers = [
            ("vpp-reason", rejected.reason.encode()),
            ("vpp-detail", rejected.detail.encode(errors="replace")[:1000]),
            ("vpp-topic", topics.TELEMETRY.encode()),
            ("vpp-partition", b"%d" % self.partition),
            ("vpp-offset", b"%d" % record.offset),
            ("vpp-items", ",".join(map(str, rejected.items)).encode()),
            ("vpp-key", record.key or b""),
        ]
        return b"%s/%d/%d" % (topics.TELEMETRY.encode(), self.partition, record.offset), record.value, headers

    def _own(self, topic: str, messages: list[Message]) -> Outgoing:
        """Sites have the same partition in every topic keyed by site."""
        return Outgoing(topic, self.partition, messages)


def _keyed(messages: Iterable[tuple[str, bytes]]) -> list[Message]:
    return [(site.encode(), value, ()) for site, value in messages]


@lru_cache(maxsize=4)
def home_of(partitions: int) -> Any:
    """Return the function that tells a key's partition; what it was asked before it remembers."""
    return lru_cache(maxsize=200_000)(lambda key: partition_of(key, partitions))


def create_agent(app: BatchApp, settings: Settings) -> faust.types.AgentT[Any]:
    """Add the twin agent to an application."""
    counts = TwinCounts(app.metrics_registry)
    feed = TopologyFeed(settings.broker, settings.partitions, wait_s=settings.topology_wait_s)

    show_number(
        app.metrics_registry, "gridtwin_topology_faults", "What is wrong with the topology", lambda: feed.report.faults
    )
    write = metrics_writer(settings.state_dir("twin"))

    def create(partition: int, reader: Reader) -> TwinMachine:
        machine = TwinMachine(partition, settings, reader, counts)
        feed.follow(partition, machine.sites)
        return machine

    async def prepare(owned: set[int]) -> None:
        await doubt(owned, settings, app.conf.id)
        await feed.assign(owned)

    processor = Processor(
        app,
        source=topics.TELEMETRY,
        tables=create_tables(app, settings),
        create=create,
        prepare=prepare,
        catch_up=feed.catch_up,
        publish_s=settings.publish_cadence_s,
        checkpoint_s=settings.checkpoint_cadence_s,
        is_profiled=settings.profile == "on",
        report=lambda snapshot: write({**snapshot, "topology_faults": len(feed.report.faults)}),
    )

    show_number(
        app.metrics_registry,
        "gridtwin_quarantined_sites",
        "Sites of its partitions that are set aside",
        lambda: [
            site for one in processor.machines.values() if isinstance(one, TwinMachine) for site in one.quarantined
        ],
    )

    async def twin(stream: Any) -> None:
        """Fold telemetry into the twins of its sites and say what that makes of every node above them.

        Reads:    vpp.telemetry.reported.v1, keyed by site; topology.site and topology.node beside it
        Writes:   vpp.rollup.contributed.v1 by node; aggregate.site, twin.updated, twin.transitioned by site;
                  telemetry.rejected
        State:    site-twin, one row per site; site-window, one row per closed window and block of sites
        Order:    per partition; a window is a set of readings, so order within it changes nothing
        Delivery: at least once; every message replaces the one before, so a repeated one changes nothing
        """
        await processor.run(stream)

    return app.agent(app.topic(topics.TELEMETRY, schema=BatchSchema(), key_type=bytes, value_type=bytes))(twin)
