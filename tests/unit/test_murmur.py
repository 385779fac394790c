"""The partition of a key is the one that every other client of Kafka chooses."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from app.domain.murmur import murmur2, partition_of


@given(st.binary(max_size=40))
def test_a_hash_is_that_of_the_client(key):
    assert murmur2(key) == murmur2_of_aiokafka(key)


def test_hashes_are_those_of_the_java_client():
    """From its own tests: UtilsTest.testMurmur2, as unsigned numbers."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: murmur2(key) for key in known} == {key: number % (1 << 32) for key, number in known.items()}
    assert partition_of(b"foobar", 8) == (-790332482 & 0x7FFFFFFF) % 8
