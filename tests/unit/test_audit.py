"""The audit fails on what nobody accepted, and never because nobody can be asked."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
AUDIT = runpy.run_path(str(ROOT / "deploy" / "audit.py"))
WELL: dict[str, Any] = {"name": "well", "version": "1", "vulns": []}
SKIPPED = {"name": "own", "skip_reason": "not found"}
ILL = {"name": "ill", "version": "2", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-10"], "fix_versions": ["20"]}]}


def judged(*packages: dict[str, Any], accepted: str = "") -> tuple[list[str], int]:
    lines, code = AUDIT["judge"](list(packages), AUDIT["read_accepted"](accepted))
    return lines, code


def test_a_vulnerability_fails_with_its_id_and_the_version_without_it() -> None:
    (summary, line), code = judged(WELL, ILL)

    assert code == 1
    assert summary == "audit: 2 packages, 1 vulnerabilities, 0 accepted"
    assert line.startswith("ill 2: PYSEC-1, mended in 20; ")


def test_one_that_is_listed_with_a_reason_passes_by_any_of_its_ids() -> None:
    assert judged(ILL, accepted="CVE-10 we never call it\n") == (
        ["audit: 1 packages, 0 vulnerabilities, 1 accepted"],
        0,
    )


def test_one_that_is_listed_without_a_reason_fails() -> None:
    assert judged(ILL, accepted="# PYSEC-1 is below\nPYSEC-1\n")[1] == 1


def test_packages_of_which_nobody_knows_anything_were_not_looked_at() -> None:
    assert judged(SKIPPED) == judged() == (
        ["audit: the database of vulnerabilities cannot be reached; nothing was looked at"], 0
    )  # fmt: skip
    assert judged(WELL, SKIPPED)[0] == ["audit: 1 packages, 1 not known there, 0 vulnerabilities, 0 accepted"]


def test_a_program_that_fails_or_hangs_is_no_answer() -> None:
    fails = [sys.executable, "-c", "raise SystemExit('no route to host')"]
    hangs = [sys.executable, "-c", "import time; time.sleep(600)"]

    assert AUDIT["ask"](fails, 60.0) == []
    assert AUDIT["ask"](hangs, 0.5) == []


def test_every_vulnerability_that_is_accepted_has_a_reason() -> None:
    lines = [line for line in AUDIT["ACCEPTED"].read_text().splitlines() if line and not line.startswith("#")]

    assert len(AUDIT["read_accepted"]("\n".join(lines))) == len(lines)
