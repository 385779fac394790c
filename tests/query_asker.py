"""A replica of the query role without a broker, and who asks it without a network."""

from __future__ import annotations

from typing import Any, cast

import httpx
from aiokafka import TopicPartition

from app.domain.contracts import NodeRecord, SiteRecord
from app.query.application import make_application
from app.query.replica import Replica
from app.query.resume import above
from app.query.service import Service
from app.query.source import Source
from app.query.store import ViewStore
from app.query.stream import Streams
from app.settings import Settings
from tests.builders import NOON_MS, a_device, a_node, a_site, some_rules
from tests.query_builders import (
    QUARTER_MS,
    Read,
    a_live,
    a_rejection,
    a_transition,
    a_twin,
    a_twin_device,
    a_window,
    known,
)

TOPIC = "vpp.aggregate.feeder.v1"
NOW_S = NOON_MS / 1000 + 20
ODD = ["a/b c", "日本|橋", "../..", "%2F", "\r\n", "\x00", "<script>", "?#&=", "n", "ü", ".", "💡"]


def a_service(tmp_path: Any, *records: Read, **settings: str) -> Service:
    """Make a replica that has read records, without a broker."""
    loaded = Settings.load({f"VPP_QUERY_{name.upper()}": value for name, value in settings.items()})
    store = ViewStore(tmp_path / "view", "cluster")
    replica = Replica(store, some_rules(), retention_days=35, clock=lambda: NOW_S)
    streams = Streams(lambda event: above(replica.view, event), most=loaded.query_streams,
                      per_client=loaded.query_streams_per_client, events=loaded.query_events)  # fmt: skip
    replica.tell = streams.tell
    source = Source(Log([]), replica)
    source.is_ready = True
    replica.take(list(records), {})
    return Service(loaded, replica, streams, source)


WORLD: dict[str, NodeRecord | SiteRecord | None] = {
    "top": a_node("region"),
    **{name: a_node("feeder", "top") for name in ODD},
    "s": a_site("n", devices=[a_device("d"), a_device("b", kind="battery", capacity_wh=100)]),
    "n2": a_site("n", devices=[]),
}


def some_records() -> list[Read]:
    return [
        *known(WORLD), a_live("n", 5), a_live("top", 5, level="region"), a_twin("s", a_twin_device("d", 10)),
        *(a_window("n", i, start_ms=NOON_MS + i * QUARTER_MS) for i in range(4)),
        *(a_transition("s", sequence=i, at_ms=NOON_MS + i) for i in range(3)), a_rejection(),
    ]  # fmt: skip


class Asker:
    """Asks the application without a network."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.application = make_application(service)

    async def get(self, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(cast(Any, self.application))
        async with httpx.AsyncClient(transport=transport, base_url="http://query") as client:
            return await client.request(method, path, **more)

    async def json(self, path: str, **more: Any) -> Any:
        answer = await self.get(path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Log:
    """A Kafka client of one topic that holds records."""

    def __init__(self, records: list[Read], *, begin: int = 0) -> None:
        self.records = {TOPIC: records}
        self.begin = begin
        self._at: dict[TopicPartition, int] = {}

    @property
    def _client(self) -> Log:
        return self

    async def fetch_all_metadata(self) -> Log:
        return self

    def topics(self) -> set[str]:
        return {*self.records, "other"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0}

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: len(self.records[tp.topic]) for tp in tps}

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, self.begin)

    def assign(self, tps: list[TopicPartition]) -> None:
        self._at = dict.fromkeys(tps, 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._at[tp] = offset

    def highwater(self, tp: TopicPartition) -> int | None:
        return None

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        for tp, at in self._at.items():
            if at < len(self.records[tp.topic]):
                self._at[tp] = at + 1
                return {tp: [self.records[tp.topic][at]]}
        return {}
