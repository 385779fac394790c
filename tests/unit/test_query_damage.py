"""A view that cannot be read is set aside and built again; until then nobody is answered from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.query.replica import Replica
from app.query.source import Source
from app.query.store import DamagedError, ViewStore
from tests.builders import NOON_MS, some_rules
from tests.query_asker import TOPIC, Asker, Log, a_service, some_records
from tests.query_builders import Read, a_live, a_window

WINDOWS = 5000


def windows() -> list[Read]:
    return [a_window(f"n{i}", i, start_ms=NOON_MS)._replace(offset=i, topic=TOPIC) for i in range(WINDOWS)]


def damage(store: ViewStore, *, begin: float = 0.25) -> None:
    """Overwrite the middle of what is on disk, as a dying disk does; close and open to read it again."""
    store._db.flush()
    store._db.close()
    for path in store.directory.glob("*.sst"):
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(int(begin * size))
            file.write(b"\xa5" * (size // 2))
    store._db = ViewStore._open(store)


def a_replica(directory: Path) -> Replica:
    return Replica(ViewStore(directory / "view", "cluster"), some_rules(), retention_days=35)


def read_everything(store: ViewStore) -> int:
    return sum(1 for _ in store.scan(b"\x01", b"\xff"))


def test_damage_is_told_from_other_faults(tmp_path: Path) -> None:
    replica = a_replica(tmp_path)
    replica.take(windows(), {})
    damage(replica.store)

    with pytest.raises(DamagedError, match="Corruption"):
        read_everything(replica.store)


async def test_a_damaged_view_is_set_aside_and_read_again_while_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replica = a_replica(tmp_path)
    source = Source(Log(windows()), replica)
    await source.start()
    while not source.is_ready:
        await source.read()
    damage(replica.store)
    try:
        read_everything(replica.store)
    except DamagedError as error:
        source.note_damage(error)
    is_ready_while_damaged = source.is_ready
    while not source.is_ready:
        await source.read()

    assert not is_ready_while_damaged
    assert read_everything(replica.store) > WINDOWS
    assert (tmp_path / "view.damaged" / "CURRENT").exists()
    assert "is damaged: building the view again" in caplog.text


def test_a_view_found_damaged_at_the_start_is_begun_anew(tmp_path: Path) -> None:
    replica = a_replica(tmp_path)
    replica.take([a_live(f"n{i}", revision=i) for i in range(WINDOWS)], {TOPIC: {0: 1}})
    damage(replica.store)
    replica.store.close()
    again = a_replica(tmp_path)

    assert (again.view.aggregates.live, again.offsets) == ({}, {})
    assert (tmp_path / "view.damaged" / "CURRENT").exists()


async def test_who_asks_for_what_is_damaged_is_put_off_and_then_everybody(tmp_path: Path) -> None:
    service = a_service(tmp_path, *some_records())
    asker, path = Asker(service), f"/v1/nodes/n/windows?from={NOON_MS}"
    before = (await asker.get(path)).status_code
    service.replica.take(windows(), {})
    damage(service.replica.store, begin=0)
    seen = [await asker.get(path) for path in (path, "/v1/nodes", "/readyz")]

    assert before == 200
    assert [(one.status_code, "remedy" in one.json()) for one in seen[:2]] == [(503, True), (503, True)]
    assert "damaged" in seen[0].json()["detail"]
    assert seen[0].headers["retry-after"] == "2"
    assert seen[2].status_code == 503


async def test_streams_end_when_the_view_is_built_again(tmp_path: Path) -> None:
    service = a_service(tmp_path, *some_records())
    service.replica.end_streams = service.streams.begin_again
    identity, number = service.streams.identity, service.streams.number
    service.replica.begin_again()

    assert service.streams.since(identity, number) is None
