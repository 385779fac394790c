"""A broker for the tests of one module: topics have fixed names, so two plants cannot share one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.kafka.broker import LocalBroker
from tests.system.plant import Plant

LAST_WORDS = 3_000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Iterator[None]:
    """Say beside a failure how the workers are and what they wrote last: it is often they who know why."""
    report = yield
    plant = getattr(item, "funcargs", {}).get("plant")
    if report.failed and isinstance(plant, Plant):
        report.sections += [(name, words) for name, words in plant.last_words(LAST_WORDS).items()]
    return report


@pytest.fixture(scope="module")
def module_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Give a started broker that the tests of a module share."""
    local = LocalBroker(tmp_path_factory.mktemp("module") / "broker")
    local.start()
    yield local
    if local.running() is not None:
        local.stop()
