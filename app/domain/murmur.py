"""Murmur2 as every Java client hashes a key. Factors are halves: a compiled integer multiplies no larger ones."""

from __future__ import annotations

from typing import Final

SEED: Final = 0x9747B28C
FACTOR_HIGH: Final = 0x5BD1
FACTOR_LOW: Final = 0xE995
LOW_32: Final = 0xFFFFFFFF
LOW_31: Final = 0x7FFFFFFF
LOW_16: Final = 0xFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key as every Java client chooses it: murmur2, positive, modulo."""
    return (murmur2(key) & LOW_31) % partitions


def murmur2(key: bytes) -> int:
    """Return the hash of a key, of 32 bits."""
    length = len(key)
    whole = length & ~3
    found = SEED ^ length
    for at in range(0, whole, 4):
        word = _times(key[at] | key[at + 1] << 8 | key[at + 2] << 16 | key[at + 3] << 24)
        found = _times(found) ^ _times(word ^ word >> 24)
    if whole < length:
        for at in range(length - 1, whole - 1, -1):
            found ^= key[at] << 8 * (at - whole)
        found = _times(found)
    found = _times(found ^ found >> 13)
    return found ^ found >> 15


def _times(value: int) -> int:
    """Return the product with the factor, its low 32 bits."""
    low, high = value & LOW_16, value >> 16
    return (low * FACTOR_LOW + ((low * FACTOR_HIGH + high * FACTOR_LOW & LOW_16) << 16)) & LOW_32
