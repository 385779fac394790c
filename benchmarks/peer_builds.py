"""Makes what a peer needs to run: a virtual environment of its own, or jars by Maven; again when its sources change."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from app.kafka.java import java
from benchmarks.worlds import CACHE


def python_peer(*arguments: str) -> Callable[[Path], list[str]]:
    """Return how to run a job in a virtual environment of its own."""

    def make(folder: Path) -> list[str]:
        python = environment(folder.name, folder / "requirements.txt")
        return [str(python), *(argument.format(folder=folder) for argument in arguments)]

    return make


def environment(name: str, requirements: Path) -> Path:
    """Return a Python like this one, of an environment that holds what a file asks for."""
    venv, wanted = CACHE.resolve() / f"venv-{name}", f"{requirements.read_text()}# Python {sys.version}\n"
    held = venv / "requirements.txt"
    if not held.exists() or held.read_text() != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        held.write_text(wanted)
    return venv / "bin" / "python"


def java_peer(main_class: str) -> Callable[[Path], list[str]]:
    """Return how to build a job by Maven and run it."""

    def make(folder: Path) -> list[str]:
        return [java(), "-Xmx2g", "-cp", f"{_jars(folder)}/*", main_class]

    return make


def _jars(folder: Path) -> Path:
    sources = sorted(path for path in folder.rglob("*") if path.suffix in (".java", ".xml"))
    wanted = "".join(path.read_text() for path in sources)
    target, held = CACHE.resolve() / folder.name, CACHE.resolve() / folder.name / "sources"
    if not held.exists() or held.read_text() != wanted:
        shutil.rmtree(target, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-f", str(folder / "pom.xml"), f"-Dtarget={target}", "package"]
        subprocess.run([*command, "dependency:copy-dependencies", f"-DoutputDirectory={target}"], check=True)
        held.write_text(wanted)
    return target
