"""The compiled core says and remembers the same bytes as its source."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.compiled import ROOT, SWITCH, directory

SCHEDULES = 100


def simulate(switch: str) -> list[str]:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(SCHEDULES), "--digest"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, SWITCH: switch, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(not directory().is_dir(), reason="the core is not compiled here: `make compiled` says why")
def test_compiled_or_not_every_byte_is_the_same() -> None:
    compiled, plain = simulate("yes"), simulate("no")

    assert (compiled[0], plain[0]) == ("compiled", "as it is")
    assert compiled[1:] == plain[1:]
    assert len(plain) == 2, "no schedule goes wrong"
