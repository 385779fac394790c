"""Whether the pure core runs compiled: the same source, made into extension modules by `make compiled`.

What was compiled is found by a digest of the source and the interpreter, so nothing stale is ever loaded; without
it the source runs as it is, with the same bytes in every topic.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

SWITCH = "GRIDTWIN_COMPILED"
ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "app" / "domain"


def directory(source: Path = SOURCE) -> Path:
    """Return where the compiled core of a source and this interpreter belongs."""
    digest = hashlib.sha256(str(sys.implementation.cache_tag).encode())
    for file in sorted(source.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return ROOT / ".gridtwin" / "compiled" / digest.hexdigest()[:16]


def is_in_use() -> bool:
    """Whether the core that this process runs is compiled."""
    from app.domain import twin_fold

    return not str(twin_fold.__file__).endswith(".py")


def prefer(path: list[str]) -> None:
    """Put the compiled modules before their source on a package's path, if there are any and the switch is not `no`."""
    if os.environ.get(SWITCH) != "no" and (compiled := directory()).is_dir():
        path.insert(0, str(compiled / "app" / "domain"))
        sys.path.append(str(compiled))
