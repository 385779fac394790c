"""What a result was measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.domain import twin_fold
from app.kafka.java import POM, java
from benchmarks.contenders import PEERS
from benchmarks.processes import busy_share

OWN = ("faust-streaming", "aiokafka", "rocksdict", "msgspec", "uvloop")
BUSY_SHARE = 0.25
BUSY_S = 2.0


def describe_machine() -> dict[str, Any]:
    """Return processor, memory, kernel and how busy it is before anything starts.

    The load is an average of the last minute, which a measurement just before was part of: whether others work there
    now is what the processors do now.
    """
    return {
        "processor": _first(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
        "is_busy": busy_share(BUSY_S) > BUSY_SHARE,
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of all that was run."""
    java_says = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "gridtwin": commit.stdout.strip(),
        "core": core(),
        "python": platform.python_version(),
        "java": _first(r'"([^"]*)"', java_says),
        "kafka": _first(r"kafka_2.13</artifactId>\s*<version>(.*)<", POM.read_text()),
        **{name: version(name) for name in OWN},
        **_peers(),
    }


def core() -> str:
    """Return whether workers run the pure core from its source or compiled."""
    return "plain" if str(twin_fold.__file__).endswith(".py") else "compiled"


def _peers() -> dict[str, str]:
    pins: dict[str, str] = {}
    for requirements in sorted(PEERS.glob("*/requirements.txt")):
        first = requirements.read_text().split()[0]
        pins[requirements.parent.name] = first.split("==")[1]
    for pom in sorted(PEERS.glob("*/pom.xml")):
        pins[pom.parent.name] = _first(r">kafka-streams</artifactId>\s*<version>(.*)<", pom.read_text())
    return pins


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1) if found else "unknown"
