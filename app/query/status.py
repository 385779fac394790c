"""How far everything is: by partition and role, by level, and this replica itself; for people and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from app.domain.topology_faults import faults
from app.query.service import Service
from app.query.view import TWIN_TOPICS
from app.topics import level_topic


class RoleStatus(msgspec.Struct, frozen=True):
    """A partition as one role writes it.

    `behind_records` are its records that this replica has not read, `lag_records` those that its worker has not.
    `watermark_ms`: every window that ends by then is closed.
    """

    stream_ms: int | None
    age_s: float | None
    behind_records: int
    lag_records: int | None
    watermark_ms: int | None
    is_stale: bool
    stale_reason: str | None


class PartitionStatus(msgspec.Struct, frozen=True):
    partition: int
    twin: RoleStatus
    rollup: RoleStatus


class LevelStatus(msgspec.Struct, frozen=True):
    level: str
    newest_window_ms: int | None
    newest_final_window_ms: int | None
    age_s: float


class Status(msgspec.Struct, frozen=True, kw_only=True):
    is_ready: bool
    behind_records: int
    window_s: int
    partitions: list[PartitionStatus]
    levels: list[LevelStatus]
    nodes: int
    sites: int
    streams: int
    topology_faults: int
    unreadable_records: int


class FaultCount:
    """The number of faults of a topology, counted again only when that has changed."""

    def __init__(self) -> None:
        self._version, self._count = -1, 0

    def of(self, service: Service) -> int:
        """Return the number."""
        members = service.view.membership
        if members.version != self._version:
            self._version, self._count = members.version, len(faults(members.topology))
        return self._count


_faults = FaultCount()


def status_of(service: Service) -> Status:
    """Return how far everything is."""
    view, now_ms = service.view, service.replica.now_ms
    return Status(
        is_ready=service.source.is_ready,
        behind_records=service.source.behind_records,
        window_s=int(view.rules.window_ms) // 1000,
        partitions=[PartitionStatus(part, _role(service, "twin", part), _role(service, "rollup", part))
                    for part in range(view.rules.partitions)],
        levels=[LevelStatus(level, clock.newest_window_ms, clock.newest_final_window_ms,
                            max(0, now_ms - clock.recorded_ms) / 1000)
                for level, clock in sorted(view.clocks.levels.items())],
        nodes=len(view.membership.topology.nodes),
        sites=len(view.membership.topology.sites),
        streams=len(service.streams),
        topology_faults=_faults.of(service),
        unreadable_records=view.unreadable,
    )  # fmt: skip


def _role(service: Service, role: str, partition: int) -> RoleStatus:
    clocks = service.view.clocks
    topics = TWIN_TOPICS if role == "twin" else [
        level_topic(level) for level in clocks.levels if level != "site"]  # fmt: skip
    behind = sum(service.source.behind(topic, partition) or 0 for topic in topics)
    fresh = service.judge.of(role, partition)
    return RoleStatus(
        clocks.as_of_ms(role, partition), fresh.age_s, behind, service.progress.lag(role, partition),
        clocks.closed_ms(role, partition), fresh.is_stale, fresh.stale_reason,
    )  # fmt: skip


METRICS = {
    "gridtwin_query_ready": "1 when the view has caught up with what was there at the start",
    "gridtwin_query_behind_records": "Records known to be there and not yet read",
    "gridtwin_query_age_seconds": "Seconds since a worker of the role last wrote, by partition",
    "gridtwin_query_stale": "1 when not all that was promised of a partition by now is known, by role",
    "gridtwin_query_lag_records": "Records that wait for the worker of a partition, by role",
    "gridtwin_query_stream_time_seconds": "Newest stream time of a partition, by role",
    "gridtwin_query_newest_final_window_seconds": "Start of the newest final window of a level",
    "gridtwin_query_rejections": "Rejected records by reason since the view began",
    "gridtwin_query_nodes": "Nodes of the topology",
    "gridtwin_query_sites": "Sites of the topology",
    "gridtwin_query_streams": "Open streams",
    "gridtwin_query_streams_overrun_total": "Streams that were closed because they fell too far behind",
    "gridtwin_query_unreadable_records_total": "Records of the topics that are none of ours",
}


def metrics_text(service: Service) -> str:
    """Return the same as Prometheus reads it."""
    found: dict[str, list[str]] = {name: [] for name in METRICS}
    for name, labels, value in _samples(service):
        found[name].append(f"{name}{labels} {value}")
    lines = []
    for name, meaning in METRICS.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *found[name]]
    return "\n".join([*lines, ""])


def _samples(service: Service) -> Iterator[tuple[str, str, object]]:
    seen = status_of(service)
    for name, value in (
        ("ready", int(seen.is_ready)), ("behind_records", seen.behind_records), ("nodes", seen.nodes),
        ("sites", seen.sites), ("streams", seen.streams), ("streams_overrun_total", service.streams.overrun),
        ("unreadable_records_total", seen.unreadable_records),
    ):  # fmt: skip
        yield f"gridtwin_query_{name}", "", value
    for part in seen.partitions:
        for role, one in (("twin", part.twin), ("rollup", part.rollup)):
            labels = f'{{partition="{part.partition}",role="{role}"}}'
            yield "gridtwin_query_stale", labels, int(one.is_stale)
            if one.lag_records is not None:
                yield "gridtwin_query_lag_records", labels, one.lag_records
            if one.age_s is not None:
                yield "gridtwin_query_age_seconds", labels, one.age_s
            if one.stream_ms is not None:
                yield "gridtwin_query_stream_time_seconds", labels, one.stream_ms / 1000
    for level in seen.levels:
        if level.newest_final_window_ms is not None:
            word = level.level.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            yield ("gridtwin_query_newest_final_window_seconds", f'{{level="{word}"}}',
                   level.newest_final_window_ms / 1000)  # fmt: skip
    for reason, count in service.view.rejections.summary.counts.items():
        yield "gridtwin_query_rejections", f'{{reason="{reason}"}}', count
