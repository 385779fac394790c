"""What is written is compressed with lz4 at its fast level, as Java's clients do it.

aiokafka asks for level 9: a fifteenth of the speed, for a tenth less to write.
"""

from __future__ import annotations

import sys

import cramjam
from aiokafka.record.default_records import DefaultRecordBatchBuilder

LEVEL = 1

_builders = sys.modules[DefaultRecordBatchBuilder.__module__]


def fast_lz4(payload: bytes, level: int = LEVEL) -> bytes:
    """Return a frame of independent blocks: brokers read no others (KIP-57)."""
    compressor = cramjam.lz4.Compressor(level=level, content_checksum=False, block_linked=False)
    compressor.compress(payload)
    return bytes(compressor.finish())


def install_fast_lz4() -> None:
    """Change the level for every producer of the process; the codec is each producer's own."""
    _builders.lz4_encode = fast_lz4  # type: ignore[attr-defined]
