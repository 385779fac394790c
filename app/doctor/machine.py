"""What can be looked at without Kafka: settings, and the disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.doctor.report import Checked, Finding, checked, unknown
from app.settings import Settings, SettingsError

GB = 1 << 30


def load(environ: Mapping[str, str]) -> tuple[Settings | None, Checked]:
    """Return the settings of an environment, if they can be used, and what is wrong with them."""
    try:
        return Settings.load(environ), checked("settings", [], "every VPP_* variable is as it may be")
    except SettingsError as error:
        remedy = "correct the variable for every process; `gridtwin settings` says what is allowed"
        return None, checked("settings", [Finding(_first_word(line), line, remedy) for line in _faults(str(error))])


def _faults(text: str) -> list[str]:
    """A fault may hold a semicolon itself; each begins with its variable."""
    return re.split(r"; (?=VPP_)", text)


def _first_word(line: str) -> str:
    return line.split(" ", 1)[0]


def check_disk(directory: Path, *, least_free_bytes: int) -> Checked:
    """Look whether state can be written where it belongs, with as much space again as it takes."""
    if not directory.exists():
        return unknown("disk", f"{directory} is not there: no worker of this VPP_DATA_DIR ran on this machine")
    return checked("disk", list(_disk_faults(directory, least_free_bytes)), f"{directory} has space")


def _disk_faults(directory: Path, least_free_bytes: int) -> Iterator[Finding]:
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(str(directory), "is not a directory that can be written to",
                      "give it to the worker's user, or set VPP_DATA_DIR")  # fmt: skip
        return
    free, held = shutil.disk_usage(directory).free, _size_of(directory)
    least = max(least_free_bytes, held)
    if free < least:
        yield Finding(str(directory), f"{free / GB:.1f} GB are free, {least / GB:.1f} GB needed: state takes "
                      f"{held / GB:.1f} GB, and may take as much again while RocksDB rewrites it",
                      "free space, or move VPP_DATA_DIR to a larger disk: where it is empty, state is "
                      "restored")  # fmt: skip


def _size_of(directory: Path) -> int:
    """Files may go while they are counted."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name), follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
    return total
