"""The view on disk, and where reading goes on."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from app.errors import GridtwinError
from app.query import store as store_module
from app.query.replica import Replica
from app.query.rows import after
from app.query.source import Source
from app.query.store import ViewStore
from tests.builders import some_rules
from tests.query_asker import TOPIC, Log
from tests.query_builders import Read, a_live

PART = TopicPartition(TOPIC, 0)


def records(count: int, topic: str = TOPIC) -> list[Read]:
    return [a_live(f"n{i}", revision=i)._replace(offset=i, topic=topic) for i in range(count)]


def a_replica(directory: Path, identity: str = "cluster") -> Replica:
    return Replica(ViewStore(directory / "view", identity), some_rules(), retention_days=1)


async def read_all(client: Log, replica: Replica) -> Source:
    source = Source(client, replica)
    await source.start()
    while await source.read():
        pass
    return source


async def test_it_is_ready_only_when_it_has_read_what_was_there_at_its_start(tmp_path: Path) -> None:
    source = Source(Log(records(2)), a_replica(tmp_path))
    await source.start()
    seen = [(source.is_ready, source.behind_records)]
    for _ in range(2):
        await source.read()
        seen.append((source.is_ready, source.behind_records))

    assert seen == [(False, 2), (False, 1), (True, 0)]


async def test_a_restart_goes_on_where_it_left_off_and_knows_what_it_knew(tmp_path: Path) -> None:
    replica = a_replica(tmp_path)
    await read_all(Log(records(2)), replica)
    replica.store.close()
    again = a_replica(tmp_path)
    client = Log(records(3))
    source = Source(client, again)
    await source.start()

    assert (source.behind_records, list(again.view.aggregates.live)) == (1, ["n0", "n1"])


async def test_a_topic_that_was_made_again_has_the_view_built_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replica = a_replica(tmp_path)
    await read_all(Log(records(3)), replica)
    await read_all(Log(records(1)), replica)

    assert list(replica.view.aggregates.live) == ["n0"]
    assert "was read up to 3, but ends at 1: the topic was made again" in caplog.text


async def test_what_retention_took_is_said_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replica = a_replica(tmp_path)
    await read_all(Log(records(1)), replica)
    source = Source(Log(records(10), begin=2), replica)
    await source.start()

    assert source.behind_records == 8
    assert "records 1 to 1 are gone by retention" in caplog.text


async def test_a_topic_made_later_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.query.source.LOOK_EVERY_S", -1.0)
    replica, client = a_replica(tmp_path), Log(records(1))
    source = await read_all(client, replica)
    client.records["vpp.aggregate.region.v1"] = records(2, "vpp.aggregate.region.v1")
    while await source.read():
        pass

    assert list(replica.view.aggregates.live) == ["n0", "n1"]
    assert source.is_ready


def test_rows_and_offsets_are_written_together(tmp_path: Path) -> None:
    replica = a_replica(tmp_path)
    replica.take(records(1), {TOPIC: {0: 1}})
    replica.store.close()
    again = ViewStore(tmp_path / "view", "cluster")

    assert (again.offsets, len(list(again.scan(b"l", after(b"l"))))) == ({TOPIC: {0: 1}}, 1)


def test_a_view_is_scanned_forth_and_back(tmp_path: Path) -> None:
    replica = a_replica(tmp_path)
    replica.take(records(3), {})
    forth = [key for key, _ in replica.store.scan(b"ln0", b"ln2")]
    back = [key for key, _ in replica.store.scan(b"ln0", b"ln2", back=True)]

    assert (forth, back) == ([b"ln0", b"ln1"], [b"ln1", b"ln0"])


@pytest.mark.parametrize("change", ["version", "cluster"])
def test_a_view_of_another_version_or_cluster_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    replica = a_replica(tmp_path)
    replica.take(records(1), {TOPIC: {0: 1}})
    replica.store.close()
    if change == "version":
        monkeypatch.setattr(store_module, "VERSION", 100)
    again = a_replica(tmp_path, "cluster" if change == "version" else "other")

    assert (again.offsets, again.view.aggregates.live) == ({}, {})
    assert "building it again" in caplog.text


def test_a_view_that_does_not_open_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replica = a_replica(tmp_path)
    replica.take(records(1), {TOPIC: {0: 1}})
    replica.store.close()
    (tmp_path / "view" / "CURRENT").write_text("nonsense")
    with caplog.at_level(logging.ERROR):
        again = a_replica(tmp_path)

    assert again.offsets == {}
    assert "building it again" in caplog.text


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    first = a_replica(tmp_path)

    with pytest.raises(GridtwinError, match="in use by another process"):
        a_replica(tmp_path)
    first.store.close()
