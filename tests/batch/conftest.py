"""A setup with its topics on the shared broker; a worker that was killed again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.counting import Setup
from tests.batch.kafka import make_topics, new_name
from tests.batch.killing import Evidence, kill_again_and_again


@pytest.fixture
def new_setup(broker: str, tmp_path: Path) -> Setup:
    """A setup whose topics are still to be made."""
    return Setup(new_name(), broker, str(tmp_path / "state"))


@pytest.fixture
async def setup(new_setup: Setup) -> Setup:
    """A setup with its topics. It leaves its group when it stops."""
    await make_topics(new_setup)
    return new_setup


@pytest.fixture(scope="session")
def killed(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Small fetches and slow folding: each kill comes in the middle of the load."""
    directory = str(tmp_path_factory.mktemp("killed") / "state")
    return kill_again_and_again(
        Setup(new_name(), broker, directory, member_id="one", fetch_bytes=1, pause_s=0.01, session_timeout_s=15.0)
    )
