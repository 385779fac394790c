"""A whole deployment in one process: logs with offsets, disks, changelogs, and workers that die at any step."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.batch.foreign import OvertakenError, rows_to_repeat
from app.domain.contracts import NodeRecord
from app.domain.rollup import NodePartition
from app.domain.twin import SitePartition
from tests.simulation.world import Message, TopologyRecord, World

VERSION_BYTES = 8
CRASHES = ("before", "while saying", "said", "while remembering", "remembered", "stored")
"""Steps of a flush at which a worker may die."""
Row = tuple[bytes, bytes | None]


class Crash(Exception):  # noqa: N818
    """A worker was killed."""


class Disk:
    """Rows of the tables of one partition, and up to where their changelogs are in them."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[bytes, bytes]] = defaultdict(dict)
        self.offsets: defaultdict[str, int] = defaultdict(lambda: -1)

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.rows[table].get(key)

    def scan(self, table: str, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        rows = self.rows[table]
        yield from [(key, rows[key]) for key in sorted(key for key in rows if start <= key < end)]

    def write(self, table: str, rows: Sequence[Row], offset: int) -> None:
        for key, value in rows:
            self._put(table, key, value)
        self.offsets[table] = offset

    def restore(self, table: str, log: list[Row]) -> None:
        """Take in what the changelog has beyond this disk; the newest version of a row holds, not the last."""
        for key, value in log[self.offsets[table] + 1 :]:
            held = self.rows[table].get(key)
            if value is None or held is None or held[:VERSION_BYTES] <= value[:VERSION_BYTES]:
                self._put(table, key, value)
        self.offsets[table] = len(log) - 1

    def _put(self, table: str, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.rows[table].pop(key, None)
        else:
            self.rows[table][key] = value


class Cluster:
    """What outlives every worker: the logs."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.contributed: list[list[Message]] = [[] for _ in range(world.partitions)]
        self.changelogs: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        self.published: defaultdict[str, list[tuple[bytes, Any]]] = defaultdict(list)
        self.known_changes = 0
        self.crashes = 0
        self.produced = dict.fromkeys(world.logs, 0)
        """How far telemetry has come: nobody can have read further."""

    def put(self, topic: str, partition: int, key: bytes, value: Any) -> None:
        if topic == "contributed":
            log = self.contributed[partition]
            log.append(Message(len(log), 0, key, value))
        else:
            self.published[topic].append((key, value))


class Worker:
    """The worker of one partition of one role, with the order of a flush that the batch driver keeps."""

    tables: tuple[str, ...]
    machine: Any

    def __init__(self, cluster: Cluster, partition: int, disk: Disk) -> None:
        self.cluster = cluster
        self.partition = partition
        self.disk = disk
        self.has_pending = False
        for table in self.tables:
            disk.restore(table, cluster.changelogs[table, partition])
        self.machine = self.create()
        self.position = self.machine.offset + 1

    source: list[Message]

    def create(self) -> Any:
        raise NotImplementedError

    def apply(self, records: Sequence[Message]) -> None:
        raise NotImplementedError

    def say(self, *, everything: bool, checkpoint: bool) -> list[tuple[str, int, bytes, Any]]:
        raise NotImplementedError

    @property
    def is_done(self) -> bool:
        return self.position >= len(self.source)

    def fold(self, count: int) -> None:
        """Fold the next records; a fetch may begin with some that were folded before."""
        records = self.source[max(0, self.position - self.cluster.chance.choice((0, 0, 0, 5))) : self.position + count]
        if records:
            self.apply(records)
            self.position = records[-1].offset + 1
            self.has_pending = True

    def flush(self, *, checkpoint: bool, crash: str | None = None, everything: bool = False) -> int:
        """Say, remember, store, acknowledge; die at the given step. Return how much was said."""
        has_stages = checkpoint and self.has_pending
        sayings = self.say(everything=everything, checkpoint=has_stages)
        announced = [stage for stage in self.machine.announce() if stage.rows]
        stages = [stage for stage in self.machine.remember() if stage.rows] if has_stages else []
        self._die_if(crash == "before")
        for table, rows in announced:
            self._remember(table, rows, None)
        self._send(sayings, cut=crash == "while saying")
        self._die_if(crash == "said")
        dying = self.cluster.chance.randrange(len(stages)) if stages else None
        for number, (table, rows) in enumerate(stages):
            self._remember(table, rows, crash if number == dying else None)
        if has_stages:
            self.machine.remembered()
            self.has_pending = False
        return len(sayings)

    def _send(self, sayings: list[tuple[str, int, bytes, Any]], *, cut: bool) -> None:
        """Partitions fill independently: a crash leaves a prefix of each."""
        groups: defaultdict[tuple[str, int], list[tuple[bytes, Any]]] = defaultdict(list)
        for topic, partition, key, value in sayings:
            groups[topic, partition].append((key, value))
        for (topic, partition), messages in groups.items():
            kept = messages[: self.cluster.chance.randint(0, len(messages))] if cut else messages
            for key, value in kept:
                self.cluster.put(topic, partition, key, value)
        self._die_if(cut)

    def _remember(self, table: str, rows: list[Row], crash: str | None) -> None:
        log = self.cluster.changelogs[table, self.partition]
        kept = rows[: self.cluster.chance.randint(0, len(rows))] if crash == "while remembering" else rows
        foreign = log[self.disk.offsets[table] + 1 :]
        log.extend(kept)
        self._die_if(crash in ("while remembering", "remembered"))
        again = self._rows_to_repeat(rows, foreign, table) if foreign else []
        self.disk.write(table, rows, len(log) - 1)
        self._die_if(crash == "stored")
        if again:
            self._remember(table, again, None)

    def _rows_to_repeat(self, rows: list[Row], foreign: list[Row], table: str) -> list[Row]:
        try:
            return rows_to_repeat(rows, foreign, lambda key: self.disk.get(table, key))
        except OvertakenError:
            self._die_if(True)
            raise

    def _die_if(self, condition: bool) -> None:
        if condition:
            self.cluster.crashes += 1
            raise Crash


def _random_levels(cluster: Cluster) -> Callable[[str], bool]:
    if cluster.chance.random() < 0.7:
        return lambda _: True
    wanted = {level for level in ("grid", "feeder", "street", "group") if cluster.chance.random() < 0.5}
    return wanted.__contains__


def _some(chance: random.Random, due: Callable[[str], bool]) -> Callable[[str], bool] | None:
    return due if chance.random() < 0.6 else None


class TwinWorker(Worker):
    tables = ("site-twin", "site-window")

    def create(self) -> SitePartition:
        world = self.cluster.world
        self.source = world.logs[self.partition]
        self.learned = 0
        machine = SitePartition(self.partition, world.machine_rules(), world.partition_of, self.disk)
        self.machine = machine
        for offset, record in enumerate(world.first_topology()):
            self._tell(record, offset)
        self.learn(self.cluster.known_changes)
        end = min(len(self.source), self.cluster.produced[self.partition] + self.cluster.chance.choice((0, 0, 7)))
        machine.caught_up_at(end)
        return machine

    def apply(self, records: Sequence[Message]) -> None:
        """What is unknown is looked up once, then held against the record."""
        if not self.machine.apply(records, settled=False):
            self.machine.apply(records, settled=True)

    def learn(self, until: int) -> None:
        """Follow topology up to a number of changes."""
        world = self.cluster.world
        base = len(world.first_topology())
        for number in range(self.learned, until):
            self._tell(world.changes[number].record, base + number)
        self.learned = max(self.learned, until)

    def _tell(self, topology: TopologyRecord, offset: int) -> None:
        """Every partition reads all nodes, and the sites that are its own."""
        _, name, record = topology
        if isinstance(record, NodeRecord):
            self.machine.learn_node(name, record, offset)
        elif self.cluster.world.partition_of(name.encode()) == self.partition:
            self.machine.learn_site(name, record, offset)

    def fold(self, count: int) -> None:
        """A change is known to everybody soon after it was made: before time has moved on by half a window."""
        world = self.cluster.world
        until = min(self.position + count, len(self.source))
        newest_ms = max((record.timestamp for record in self.source[self.position : until]), default=0)
        due = sum(1 for change in world.changes if change.known_ms <= newest_ms)
        self.cluster.known_changes = max(self.cluster.known_changes, due)
        forced = sum(1 for change in world.changes if change.known_ms + world.rules["window"] // 2 <= newest_ms)
        self.learn(forced if self.cluster.chance.random() < 0.5 else self.cluster.known_changes)
        super().fold(count)
        self.cluster.produced[self.partition] = max(self.cluster.produced[self.partition], self.position)

    def say(self, *, everything: bool, checkpoint: bool) -> list[tuple[str, int, bytes, Any]]:
        chance, home = self.cluster.chance, self.cluster.world.partition_of
        said = self.machine.say(
            behind=not everything and chance.random() < 0.2,
            due=(lambda _: True) if everything else _random_levels(self.cluster),
            provisional=(lambda _: True) if everything else _some(chance, _random_levels(self.cluster)),
            twins=everything or chance.random() < 0.3,
            site_windows=everything or checkpoint or chance.random() < 0.2,
        )
        own = self.partition
        out: list[tuple[str, int, bytes, Any]] = []
        for node, value in said.contributions:
            out.append(("contributed", home(node.encode()), node.encode(), value))
        if said.watermark is not None:
            out += [
                ("contributed", partition, b"", said.watermark) for partition in range(self.cluster.world.partitions)
            ]
        out += [("site", own, key, value) for _, key, value in said.site_windows]
        out += [("twin", own, site.encode(), value) for site, value in said.twins]
        out += [("transition", own, site.encode(), value) for site, value in said.transitions]
        out += [("rejected", own, b"%d/%d" % (own, one.record.offset), one.reason) for one in said.rejections]
        return out


class RollupWorker(Worker):
    tables = ("node-slots",)

    def create(self) -> NodePartition:
        self.source = self.cluster.contributed[self.partition]
        return NodePartition(self.partition, self.cluster.world.machine_rules(), self.disk)

    def apply(self, records: Sequence[Message]) -> None:
        self.machine.apply(records)

    def say(self, *, everything: bool, checkpoint: bool) -> list[tuple[str, int, bytes, Any]]:
        behind = not everything and self.cluster.chance.random() < 0.2
        due = (lambda _: True) if everything else _random_levels(self.cluster)
        said = self.machine.say(behind=behind, due=due, provisional=everything or self.cluster.chance.random() < 0.6)
        return [("level", self.partition, one.key, one.value) for one in said]
