"""SimBench's wheel: fetched by pip once for every checkout of this user, and checked each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from app.errors import GridtwinError
from app.kafka.java import cache_dir

VERSION = "1.6.3"
NAME = f"simbench-{VERSION}-py3-none-any.whl"
SHA256 = "8b48bdab2445286a96649eb18bb09476d000a0e212fd57fdba83399df54af4de"


def fetch_wheel() -> Path:
    """Return the wheel; an unchecked one is never in its place."""
    wheel = cache_dir() / NAME
    if not wheel.exists():
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wheel.parent) as directory:
            _download(Path(directory))
            check(Path(directory) / NAME)
            (Path(directory) / NAME).rename(wheel)
    check(wheel)
    return wheel


def check(wheel: Path) -> None:
    """Raise, and remove the wheel, if it is not the one that is meant."""
    seen = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if seen != SHA256:
        wheel.unlink()
        raise GridtwinError(f"{NAME} has checksum {seen}, expected {SHA256}; it was removed, run this again")


def _download(directory: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
               f"simbench=={VERSION}", "-d", str(directory)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (directory / NAME).exists():
        why = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise GridtwinError(
            f"pip could not fetch simbench {VERSION} ({why}); give it a network or an index, "
            f"or put {NAME} into {cache_dir()}"
        )
