"""The core that ships, compiled where there is a compiler: it says and remembers what its source does, and is right."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.compiled import ROOT, SWITCH, directory

ALIKE = 100
FIRST, SCHEDULES, CHUNK = 2_000, 10_000, 500
"""The schedules that `test_simulation` leaves to this."""


def simulate(switch: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, SWITCH: switch, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("first", range(FIRST, SCHEDULES, CHUNK))
def test_every_number_equals_the_oracle_in_the_core_that_ships(first: int) -> None:
    (summary,) = simulate("yes", "--first", str(first), "--seeds", str(CHUNK))

    assert summary.startswith(f"{CHUNK} schedules, ")


@pytest.mark.skipif(not directory().is_dir(), reason="the core is not compiled here: `make compiled` says why")
def test_compiled_or_not_every_byte_is_the_same() -> None:
    compiled, plain = (simulate(switch, "--seeds", str(ALIKE), "--digest") for switch in ("yes", "no"))

    assert (compiled[0], plain[0]) == ("compiled", "as it is")
    assert compiled[1:] == plain[1:]
    assert len(plain) == 2, "no schedule goes wrong"
