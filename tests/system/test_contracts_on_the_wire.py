"""What lies on the topics of a running plant is what the committed schemas say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from app import topics
from app.cli.environment import environment_of
from app.contracts_schema import RECORDS
from app.dataset.format import Dataset
from app.kafka.broker import LocalBroker
from app.kafka.clients import read_to_end
from tests.schemas import document, schema_name, validator
from tests.system.commands import gridtwin, workers

pytestmark = pytest.mark.broker

PUBLIC = (topics.REJECTED, topics.TELEMETRY, topics.TOPOLOGY_SITE, topics.TOPOLOGY_NODE, topics.AGGREGATE_SITE,
          topics.TWIN_UPDATED, topics.TWIN_TRANSITIONED)  # fmt: skip
"""Rejected records come first: what they name of telemetry is nobody's contract."""


def test_every_record_on_every_public_topic_is_what_its_schema_says(new_broker: LocalBroker, tmp_path: Path) -> None:
    running, dataset = new_broker.running(), tmp_path / "dataset"
    assert running is not None
    gridtwin({}, "dataset", "synthetic", str(dataset), "--sites", "6", "--groups", "1", "--duration-s", "240")
    environ = {"VPP_BROKER": running.address, "VPP_TWIN_CADENCE_S": "0", "VPP_DATA_DIR": str(tmp_path / "replay"),
               **environment_of(Dataset(dataset).meta)}  # fmt: skip
    gridtwin(environ, "topics", "create", "--dataset", str(dataset))
    with workers(environ, tmp_path / "state"):
        gridtwin(environ, "replay", str(dataset), "--duplicate", "0.1", "--poison", "0.2")
        gridtwin(environ, "verify", str(dataset))

        seen, faults = asyncio.run(_validate(running.address, Dataset(dataset).meta.levels))

    assert faults == []
    assert seen.keys() == {record.name for record in RECORDS}


async def _validate(broker: str, levels: Iterable[str]) -> tuple[Counter[str], list[str]]:
    seen: Counter[str] = Counter()
    faults: list[str] = []
    rejected: set[tuple[int, int]] = set()
    for topic in [*PUBLIC, *(topics.level_topic(level) for level in levels)]:
        async for record in read_to_end(broker, topic):
            if _is_public(topic, record, rejected):
                name, found = schema_name(topic, record.key), document(topic, record.value, record.headers)
                seen[name] += 1
                faults += [f"{topic}: {error.message}" for error in validator(name).iter_errors(found)]
                if topic == topics.REJECTED:
                    rejected.add((int(found["vpp-partition"]), int(found["vpp-offset"])))
    return seen, faults


def _is_public(topic: str, record: Any, rejected: set[tuple[int, int]]) -> bool:
    """Everything but ticks and what was rejected of telemetry."""
    return topic != topics.TELEMETRY or not (record.value == b"" or (record.partition, record.offset) in rejected)
