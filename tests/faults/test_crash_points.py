"""Crash points end a process when they are asked to, where they are, and never else; and rows name none that is not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.batch.crash import POINTS, VARIABLE
from tests.faults.rows_worker import FLUSH_POINTS, RECOVERY_POINTS, STOP_POINTS

ROOT = Path(__file__).parents[2]
PASSING = "from app.batch.crash import reach; reach('flush.said'); print('once'); reach('flush.said'); print('twice')"


@pytest.mark.parametrize(
    ("asked", "code", "printed"),
    [
        (None, 0, ["once", "twice"]),
        ("", 0, ["once", "twice"]),
        ("flush.stored", 0, ["once", "twice"]),
        ("flush.said@3", 0, ["once", "twice"]),
        ("flush.said", -signal.SIGKILL, []),
        ("flush.said@2", -signal.SIGKILL, ["once"]),
    ],
)
def test_a_process_dies_where_it_is_asked_to(asked: str | None, code: int, printed: list[str]) -> None:
    environ = {**os.environ, **({VARIABLE: asked} if asked is not None else {})}
    done = subprocess.run([sys.executable, "-u", "-c", PASSING], env=environ, cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout.split()) == (code, printed)


def test_every_point_is_somewhere_in_the_driver_and_in_a_row() -> None:
    reached = {point for file in (ROOT / "app" / "batch").glob("*.py")
               for point in re.findall(r'reach\("([\w.]+)"\)', file.read_text())}  # fmt: skip
    tried = {point.partition("/")[0] for point in (*FLUSH_POINTS, *RECOVERY_POINTS, *STOP_POINTS)}

    assert reached == set(POINTS) == tried
