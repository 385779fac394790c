"""Where results are kept: one JSON file each, with the machine and how busy it was before anything began."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

Result = dict[str, Any]


def now() -> str:
    """Return the time at which a result begins."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write(path: Path, result: Result) -> None:
    """Put a result in the place of the one before, whole at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    partial.replace(path)


def newest(kind: str, directory: Path = RESULTS) -> dict[str, Result]:
    """Return the newest result of each shape of a kind; whole ones before quick ones."""
    held = [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]
    mine = [result for result in held if result.get("kind") == kind]
    mine.sort(key=lambda result: (not result.get("is_quick"), result["at"]))
    return {result["shape"]: result for result in mine}


def load_sentence(result: Result) -> str:
    """Return when a result was made, and how busy the machine was."""
    machine = result["machine"]
    busy = " **The machine was busy with other work.**" if machine["is_busy"] else ""
    return f"{result['at']}, load {machine['load_before']:.1f} before the start.{busy}"


def machine_sentence(result: Result) -> str:
    """Return what a result was measured on, and a warning if other work was done there."""
    machine, versions = result["machine"], result["versions"]
    return (
        f"{load_sentence(result)} {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB. "
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}."
    )
