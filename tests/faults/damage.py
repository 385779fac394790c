"""Damages a RocksDB directory of a stopped worker, in five ways."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

FLIPPED_BYTES = 64


def flip(chance: random.Random, path: Path) -> None:
    """Flip bytes somewhere in a file."""
    content = bytearray(path.read_bytes())
    for _ in range(FLIPPED_BYTES if content else 0):
        content[chance.randrange(len(content))] ^= 1 + chance.randrange(255)
    path.write_bytes(content)


def damage_table(chance: random.Random, store: Path) -> str:
    """Flip bytes in a table file; of a store that has none yet, in its log."""
    files = sorted(store.glob("*.sst")) or sorted(store.glob("*.log"))
    flip(chance, chosen := chance.choice(files))
    return chosen.name


def cut_log(chance: random.Random, store: Path) -> str:
    """Cut the write-ahead log somewhere."""
    log = max(store.glob("*.log"), key=lambda file: file.stat().st_size)
    content = log.read_bytes()
    log.write_bytes(content[: chance.randrange(len(content) or 1)])
    return log.name


def damage_current(chance: random.Random, store: Path) -> str:
    """Make the file that names the manifest name nothing."""
    (store / "CURRENT").write_bytes(chance.choice((b"", b"MANIFEST-999999\n", b"\x00\xff garbage")))
    return "CURRENT"


def damage_manifest(chance: random.Random, store: Path) -> str:
    """Flip bytes in the manifest, or cut it."""
    manifest = chance.choice(sorted(store.glob("MANIFEST-*")))
    if chance.random() < 0.5:
        flip(chance, manifest)
    else:
        content = manifest.read_bytes()
        manifest.write_bytes(content[: len(content) // 2])
    return manifest.name


def lose_file(chance: random.Random, store: Path) -> str:
    """Remove a file."""
    files = sorted(store.glob("*.sst")) or sorted(store.glob("MANIFEST-*"))
    chosen = chance.choice(files)
    chosen.unlink()
    return chosen.name


def put_back(old: Path, directory: Path) -> None:
    """Put an older copy of a whole state directory in its place."""
    shutil.rmtree(directory)
    shutil.copytree(old, directory)


DAMAGES: dict[str, Callable[[random.Random, Path], str]] = {
    "table file flipped": damage_table,
    "log cut": cut_log,
    "CURRENT bad": damage_current,
    "MANIFEST bad": damage_manifest,
    "file lost": lose_file,
}
