"""What ends a worker that cannot go on: at once, with exit code 1, and a sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENDING = """
import asyncio, logging
from app.batch.errors import BatchError, die_of
logging.basicConfig(format="%(message)s")
async def raising(): {what}
async def main():
    task = asyncio.ensure_future(raising())
    task.add_done_callback(die_of)
    await asyncio.wait([task])
    await asyncio.sleep(0)
asyncio.run(main())
print("went on")
"""


def _run(what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ENDING.format(what=what)], capture_output=True, text=True, check=False)


def test_a_task_that_raised_ends_the_process() -> None:
    ended = _run("raise BatchError('the group is gone')")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "stopped: the group is gone" in ended.stderr


@pytest.mark.parametrize(
    "what", ["OSError(28, 'No space left on device')", "Exception('IO error: No space left on device: a')"]
)
def test_a_full_disk_is_named_without_a_trace(what: str) -> None:
    ended = _run(f"raise {what}")

    assert ended.returncode == 1
    assert "a disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("what", ["return", "raise asyncio.CancelledError"])
def test_a_task_that_ended_in_peace_does_not(what: str) -> None:
    ended = _run(what)

    assert (ended.returncode, ended.stdout) == (0, "went on\n"), ended.stderr
