"""A real Kafka for the tests that show behaviour; they start their own and ignore VPP_BROKER."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["GRIDTWIN_COMPILED"] = "no"  # compiled code cannot be patched; workers that a test starts may be compiled

import app.domain  # noqa: F401
from app.compiled import SWITCH
from app.kafka.broker import LocalBroker


@pytest.fixture(autouse=True, scope="session")
def _without_settings() -> None:
    """Settings of the shell must not reach a test."""
    for name in [name for name in os.environ if name.startswith("VPP_") or name == SWITCH]:
        del os.environ[name]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a broker that the tests of a session share; each makes topics of its own names."""
    local = LocalBroker(tmp_path_factory.mktemp("broker"))
    yield local.start()
    local.stop()


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """Give a started broker of a test's own, that it may stop, kill and fill; it is stopped at the end."""
    local = LocalBroker(tmp_path / "broker")
    local.start()
    yield local
    if local.running() is not None:
        local.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of planted bugs at the end of a run that looked for them."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = [value for one in reports for name, value in getattr(one, "user_properties", ()) if name == "planted"]
    if rows:
        terminalreporter.section("planted bugs that the simulator noticed")
        for row in sorted(set(rows)):
            terminalreporter.write_line(row)
