"""What a node partition hears: shares of nodes and watermarks, as a growing log of `contributed`."""

from __future__ import annotations

import json

import msgspec

from app.domain.contracts import Contribution, KindLive, KindTotals, LiveTotals, Watermark, WindowTotals
from app.domain.rollup import NodePartition
from tests.builders import NOON_MS, Disk, Message, some_rules


def a_window_share(power_w: int, *, readings: int = 1, expected: int = 1, kind: str = "load") -> WindowTotals:
    """The share of *expected* devices, of which *readings* said something, each for the whole window."""
    totals = KindTotals(
        readings=readings,
        sum_w=power_w,
        mean_power_w=power_w,
        energy_import_j=max(power_w, 0) * 900,
        energy_export_j=max(-power_w, 0) * 900,
        devices_expected=expected,
        devices_reporting=readings,
        covered_device_s=readings * 900,
        expected_device_s=expected * 900,
    )
    heard_ms = NOON_MS + power_w if readings else None
    return WindowTotals({kind: totals}, expected, readings, expected * 100, readings * 100, heard_ms, heard_ms)


NO_SHARE = WindowTotals({}, 0, 0, 0, 0, None, None)


def a_live_share(
    power_w: int, *, as_of_ms: int = NOON_MS, fresh: int = 1, stale: int = 0, never: int = 0
) -> LiveTotals:
    totals = KindLive(power_w * fresh, max(power_w, 0), max(-power_w, 0), power_w * stale, fresh, stale, never, 100, 0)
    return LiveTotals(as_of_ms, {"load": totals}, (fresh, stale, 0, 0, never), (1, 2, 10, 20))


class ContributedLog:
    """One partition of `contributed`, as it grows."""

    def __init__(self) -> None:
        self.records: list[Message] = []

    def put(self, message: Contribution | Watermark) -> None:
        self.records.append(Message(len(self.records), 0, b"", msgspec.msgpack.encode(message)))

    def say(
        self,
        share: WindowTotals | LiveTotals,
        *,
        node: str = "n",
        partition: int = 0,
        version: int = 0,
        start_ms: int = NOON_MS,
        level: str = "feeder",
        final: bool = False,
    ) -> None:
        is_window = isinstance(share, WindowTotals)
        self.put(
            Contribution(
                node=node,
                level=level,
                hierarchy="grid" if level else "",
                partition=partition,
                version=version,
                window_start_ms=start_ms if is_window else None,
                final=final,
                window=share if is_window else None,
                live=None if is_window else share,
            )
        )

    def close(self, closed_ms: int, *, partition: int = 0, first_ms: int = NOON_MS, version: int = 0) -> None:
        self.put(Watermark(partition, version, first_ms, closed_ms))


def a_node_partition(disk: Disk | None = None, *, partitions: int = 2, **rules: int) -> NodePartition:
    return NodePartition(0, some_rules(partitions=partitions, **rules), Disk() if disk is None else disk)


def published(
    machine: NodePartition, log: ContributedLog, *, behind: bool = False, provisional: bool = True
) -> dict[str, dict]:
    """Fold what is new and return what is published, by key."""
    machine.apply(log.records)
    return {said.key.decode(): json.loads(said.value) for said in machine.say(behind=behind, provisional=provisional)}


def keep(machine: NodePartition, disk: Disk) -> None:
    disk.write(machine.remember())
    machine.remembered()
