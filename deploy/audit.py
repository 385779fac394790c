"""Asks for known vulnerabilities of what requirements.txt locks; says so in one line where nobody can be asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "deploy" / "audit-accepted.txt"
ANSWER_S = 3
WHOLE_S = 30.0


class Finding(NamedTuple):
    """A known vulnerability of a locked package."""

    package: str
    name: str
    names: frozenset[str]
    mended_in: str

    def __str__(self) -> str:
        return f"{self.package}: {self.name}, mended in {self.mended_in or 'no version yet'}"


def main() -> int:
    """Print what was found; return 1 if something is that nobody accepted."""
    accepted = read_accepted(ACCEPTED.read_text())
    answer = ask([sys.executable, "-m", "pip_audit"], WHOLE_S)
    lines, code = judge(answer, accepted)
    print("\n".join(lines))
    return code


def ask(program: list[str], within_s: float) -> list[dict[str, Any]]:
    """Return what is known of each package; nothing if there is no answer in time."""
    options = ["--disable-pip", "--require-hashes", "-r", str(ROOT / "requirements.txt"), "--timeout", str(ANSWER_S),
               "--format", "json", "--progress-spinner", "off"]  # fmt: skip
    try:
        done = subprocess.run([*program, *options], capture_output=True, text=True, timeout=within_s, check=False)
        return list(json.loads(done.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return []


def judge(answer: list[dict[str, Any]], accepted: dict[str, str]) -> tuple[list[str], int]:
    """Return lines to print and the exit code: packages that nobody knows anything of were not looked at."""
    known = [one for one in answer if "vulns" in one]
    if not known:
        return ["audit: the database of vulnerabilities cannot be reached; nothing was looked at"], 0
    found = list(findings(known))
    bad = [one for one in found if one.names.isdisjoint(accepted)]
    left_out = f", {len(answer) - len(known)} not known there" if len(answer) > len(known) else ""
    summary = f"audit: {len(known)} packages{left_out}, {len(bad)} vulnerabilities, {len(found) - len(bad)} accepted"
    remedy = f"lock a version without it, or put `ID reason` into {ACCEPTED.relative_to(ROOT)}"
    return [summary, *(f"{one}; {remedy}" for one in bad)], 1 if bad else 0


def findings(packages: Iterable[dict[str, Any]]) -> Iterable[Finding]:
    """Yield every vulnerability of packages."""
    for one in packages:
        for vulnerability in one["vulns"]:
            names = frozenset([vulnerability["id"], *vulnerability.get("aliases", ())])
            mended_in = ", ".join(vulnerability.get("fix_versions", ()))
            yield Finding(f"{one['name']} {one['version']}", vulnerability["id"], names, mended_in)


def read_accepted(text: str) -> dict[str, str]:
    """Return the reason for each id that is accepted; an id without a reason is none."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {parts[0]: parts[1] for parts in lines if len(parts) == 2}


if __name__ == "__main__":
    sys.exit(main())
