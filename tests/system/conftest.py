"""A broker for the tests of one module: topics have fixed names, so two plants cannot share one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.kafka.broker import LocalBroker


@pytest.fixture(scope="module")
def module_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Give a started broker that the tests of a module share."""
    local = LocalBroker(tmp_path_factory.mktemp("module") / "broker")
    local.start()
    yield local
    if local.running() is not None:
        local.stop()
