"""A client that takes long to end holds nobody up; one that fails to end says so."""

from __future__ import annotations

import asyncio

import pytest

from app.batch import farewell


class Client:
    def __init__(self, *, fails: bool = False) -> None:
        self.may_end = asyncio.Event()
        self.fails = fails
        self.has_ended = False

    async def stop(self) -> None:
        await self.may_end.wait()
        if self.fails:
            raise OSError("broken")
        self.has_ended = True


async def test_a_client_that_takes_long_ends_later_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "PATIENCE_S", 0.01)
    client = Client()
    await farewell.part(client)
    assert not client.has_ended

    client.may_end.set()
    while farewell._parting:
        await asyncio.sleep(0)
    assert client.has_ended


async def test_a_client_that_ends_at_once_has_ended() -> None:
    client = Client()
    client.may_end.set()
    await farewell.part(client)

    assert client.has_ended


async def test_what_goes_wrong_is_raised() -> None:
    client = Client(fails=True)
    client.may_end.set()

    with pytest.raises(OSError, match="broken"):
        await farewell.part(client)
