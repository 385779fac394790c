"""Which topic a state is made from: one that is deleted and made again has another id, however long it has grown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields
from faust.types import TP

from app.batch.errors import BatchError
from app.batch.machine import Reader
from app.batch.store import VERSION_BYTES, Row

SOURCE_KEY = b"\xffsource"
"""No machine has a row of this key."""
FIRST_VERSION = bytes(VERSION_BYTES)
ID_BYTES = 16
NO_ID = bytes(ID_BYTES)
Stages = Sequence[tuple[str, list[Row]]]


class _Id(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(ID_BYTES)


_Text = CompactString("utf-8")
_END = ("tags", TaggedFields)
_BROKER = (("broker_id", Int32), ("host", _Text), ("port", Int32), ("rack", _Text), _END)
_PARTITION = (("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
              ("replicas", CompactArray(Int32)), ("isr", CompactArray(Int32)),
              ("offline_replicas", CompactArray(Int32)), _END)  # fmt: skip
_TOPIC = (("error_code", Int16), ("topic", _Text), ("topic_id", _Id), ("is_internal", Boolean),
          ("partitions", CompactArray(*_PARTITION)), ("operations", Int32), _END)  # fmt: skip


class _Answer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("brokers", CompactArray(*_BROKER)), ("cluster_id", _Text),
        ("controller_id", Int32), ("topics", CompactArray(*_TOPIC)), ("operations", Int32), _END,
    )  # fmt: skip


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Id), ("topic", _Text), _END)),
        ("allow_auto_topic_creation", Boolean), ("of_cluster", Boolean), ("of_topics", Boolean), _END,
    )  # fmt: skip


class _OfTopic(Request[_Question]):  # type: ignore[misc]
    """Asks for a topic's id: a version of the question that aiokafka does not have."""

    API_KEY = 3

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(NO_ID, self.name, {})], False, False, False, {})


async def topic_id(consumer: AIOKafkaConsumer, topic: str) -> bytes | None:
    """Return Kafka's id of a topic, None where a broker does not tell: those before 2.8 have none."""
    client = consumer._client
    with suppress(NotImplementedError):
        for _, _, found, *_ in (await _ask(client, _OfTopic(topic))).topics:
            return bytes(found) if found != NO_ID else None
    return None


async def _ask(client: Any, question: _OfTopic) -> Any:
    """Ask one broker after the other."""
    *others, last = [number for number, *_ in client.cluster.brokers()]
    for other in others:
        with suppress(KafkaError):
            return await client.send(other, question)
    return await client.send(last, question)


class Identity:
    """Remembers, in a row beside the machine's own, from which topic the state of each partition is made."""

    def __init__(self, tables: Iterable[str]) -> None:
        self._table = next(iter(tables))
        self._unwritten: dict[int, bytes] = {}

    def check(self, tp: TP, found: bytes | None, reader: Reader) -> None:
        """Refuse a state that another topic of the same name was folded into; note what is not remembered yet."""
        held = reader.get(self._table, SOURCE_KEY)
        self._unwritten.pop(tp.partition, None)
        if found is None:
            return
        if held is None:
            self._unwritten[tp.partition] = found
        elif held[VERSION_BYTES:] != found:
            raise BatchError(
                f"{tp.topic} has the id {found.hex()}, but the state was made from {held[VERSION_BYTES:].hex()}: the "
                "topic was made again; reset the state of both applications (docs/operations.md, Reset)",
                topic=tp.topic,
                partition=tp.partition,
            )

    def beside(self, partition: int, stages: Stages) -> Stages:
        """Put what is not remembered yet before what a machine remembers."""
        found = self._unwritten.pop(partition, None)
        if found is None:
            return stages
        row: Row = (SOURCE_KEY, FIRST_VERSION + found)
        (table, rows), *others = stages
        return [(table, [row, *rows]), *others] if table == self._table else [(self._table, [row]), *stages]
