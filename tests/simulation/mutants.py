"""Bugs planted on purpose, those of `mutants.txt`: in a copy of the source, which then runs as it is or compiled.

All are in one copy, so that it is compiled once; a variable says which of them a process has at a time, that of the
environment at first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.compiled import ROOT, SWITCH
from tests.simulation.run import Limits

PLANTED = "GRIDTWIN_PLANTED"
COPIED = ("app", "agents", "tables", "tests", "deploy")
IMPORTS = "from __future__ import annotations\n"
NUMBER = f'''"""Which bug this process has; 0 for none."""

{IMPORTS}
import os

PLANTED = int(os.environ.get("{PLANTED}", "0"))
'''


class Edit(NamedTuple):
    """Lines of a file, and what a bug has in their place."""

    file: str
    before: list[str]
    after: list[str]


class Mutant(NamedTuple):
    """A bug: its number, its name, the rule that it breaks, and the schedules in which to look for it."""

    number: int
    name: str
    rule: str
    edits: list[Edit]
    first_seed: int
    limits: Limits


def _parse(text: str) -> Iterator[Mutant]:
    for number, block in enumerate(text.split("\n= ")[1:], start=1):
        head, *edits = block.strip().split("\n@ ")
        name, *rest = head.splitlines()
        told = dict(line.split(": ", 1) for line in rest)
        limits = Limits(*map(int, told["limits"].split())) if "limits" in told else Limits()
        yield Mutant(number, name, told["rule"], [*map(_edit, edits)], int(told.get("seed", 0)), limits)


def _edit(text: str) -> Edit:
    file, *lines = text.splitlines()
    before, after = ([line[2:] for line in lines if line[0] == sign] for sign in "-+")
    return Edit(file, before, after or ["pass"])


MUTANTS = list(_parse(Path(__file__).with_suffix(".txt").read_text()))


def plant(source: str, number: int, edit: Edit) -> str:
    """Return a source in which the bug of that number is there if the process is to have it."""
    wanted = "".join(rf"\n\1{re.escape(line)}" for line in edit.before[1:])
    found = list(re.finditer(rf"^( +){re.escape(edit.before[0])}{wanted}$", source, re.MULTILINE))
    if len(found) != 1:
        raise ValueError(f"{edit.file} has these lines {len(found)} times, expected once: {edit.before}")
    indent = found[0][1]
    lines = [f"if planted.PLANTED == {number}:", *_deeper(edit.after), "else:", *_deeper(edit.before)]
    return source[: found[0].start()] + "\n".join(indent + line for line in lines) + source[found[0].end() :]


def _deeper(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def plant_all(copy: Path) -> None:
    """Make a copy of the source that has every bug in it."""
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "app" / "domain" / "planted.py").write_text(NUMBER)
    for mutant in MUTANTS:
        for edit in mutant.edits:
            file = copy / edit.file
            file.write_text(plant(file.read_text(), mutant.number, edit))
    for name in {edit.file for mutant in MUTANTS for edit in mutant.edits}:
        source = (copy / name).read_text()
        imported = f"{IMPORTS}\nfrom app.domain import planted\n"
        (copy / name).write_text(source.replace(f"{IMPORTS}", imported, 1))


def compile_all(copy: Path) -> bool:
    """Compile the core of a copy, sooner rather than well; return whether that can be done here."""
    script = copy / "deploy" / "compile_core.py"
    script.write_text(script.read_text().replace("opt_level='3'", "opt_level='0'"))
    subprocess.run([sys.executable, script], cwd=copy, check=True)
    return (copy / ".gridtwin" / "compiled").is_dir()


def environment(copy: Path, number: int, *, compiled: bool) -> dict[str, str]:
    """Return what makes a process run a copy, wherever it is started, with one bug."""
    switch = "yes" if compiled else "no"
    return {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1", SWITCH: switch, PLANTED: str(number)}


def run_copy(copy: Path, *arguments: str, compiled: bool, number: int = 0) -> list[str]:
    """Run a module of a copy with a bug, and return what it prints."""
    environ = {**os.environ, **environment(copy, number, compiled=compiled)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout.splitlines()
