"""Sets a user's SCRAM password at a broker that runs: a request that aiokafka does not have."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields

from app.kafka.admin import admin
from app.kafka.security import Servers

HASHES = {1: "sha256", 2: "sha512"}
"""Kafka's numbers of the mechanisms."""
ITERATIONS = 4096

_Text = CompactString("utf-8")


class _Answer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION, FLEXIBLE_VERSION = 51, 0, True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", CompactArray(("user", _Text), ("error", Int16), ("message", _Text), ("tags", TaggedFields))),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, FLEXIBLE_VERSION = 51, 0, True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _Text), ("mechanism", Int8), ("tags", TaggedFields))),
        ("upsertions", CompactArray(("name", _Text), ("mechanism", Int8), ("iterations", Int32), ("salt", CompactBytes),
                                    ("salted", CompactBytes), ("tags", TaggedFields))),
        ("tags", TaggedFields),
    )  # fmt: skip


class _Change(Request[_Question]):  # type: ignore[misc]
    API_KEY = 51

    def __init__(self, upsertions: list[Any]) -> None:
        self.upsertions = upsertions

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([], self.upsertions, {})


async def set_password(servers: Servers, user: str, password: str) -> None:
    """Replace a user's password for both mechanisms; Kafka takes one of a user in a request."""
    salt = os.urandom(16)
    async with admin(servers) as client:
        for mechanism, name in HASHES.items():
            salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, ITERATIONS)
            change = _Change([(user, mechanism, ITERATIONS, salt, salted, {})])
            answer = await client._client.send(client._client.get_random_node(), change)

            assert {error for _, error, *_ in answer.results} == {0}, answer
