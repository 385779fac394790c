"""Bad records of every kind that the system has to refuse; none of them is a reading of anything."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from app.domain.telemetry import MAX_VALUE_BYTES

Poison = Callable[[bytes, bytes, int], tuple[bytes, bytes]]
_DAY_MS = 86_400_000
NOBODY = "nobody-c2b7c0f4"
"""An id that no topology has."""
_ANY = {"device": NOBODY, "measured_at_ms": 0, "active_power_w": 1}
"""What a bad record has where the one that it is like lacks it."""


def _reading(at_ms: int, **changes: object) -> bytes:
    return json.dumps({"device": NOBODY, "measured_at_ms": at_ms, "active_power_w": 1, **changes}).encode()


def _like(value: bytes, **changes: object) -> bytes:
    try:
        one = json.loads(value)
    except (ValueError, RecursionError):
        one = {}
    one = one[0] if isinstance(one, list) and one else one
    return json.dumps({**_ANY, **(one if isinstance(one, dict) else {}), **changes}).encode()


POISON: dict[str, Poison] = {
    "not_utf8": lambda key, _, __: (key, b'{"device":"\xff\xfe"}'),
    "truncated": lambda key, value, _: (key, value[: len(value) // 2]),
    "deep": lambda key, *_: (key, b"[" * 10_000 + b"]" * 10_000),
    "long_integer": lambda key, value, _: (key, _like(value).replace(b'"active_power_w": ', b'"active_power_w": 1' + b"0" * 10_000)),
    "nan": lambda key, value, _: (key, _like(value, active_power_w=float("nan"))),
    "infinity": lambda key, value, _: (key, _like(value, active_power_w=float("inf"))),
    "1e308": lambda key, value, _: (key, _like(value, active_power_w=1e308)),
    "text_as_number": lambda key, value, _: (key, _like(value, active_power_w="1")),
    "true_as_number": lambda key, value, _: (key, _like(value, active_power_w=True)),
    "null_as_number": lambda key, value, _: (key, _like(value, active_power_w=None)),
    "duplicate_key": lambda key, value, _: (key, _like(value)[:-1] + b', "active_power_w": 5}'),
    "wrong_type": lambda key, value, _: (key, _like(value, device=7)),
    "missing_field": lambda key, *_: (key, b'{"device":"d"}'),
    "empty_device": lambda key, value, _: (key, _like(value, device="")),
    "array_of_0": lambda key, *_: (key, b"[]"),
    "array_of_1001": lambda key, value, _: (key, b"[" + b",".join([_like(value)] * 1001) + b"]"),
    "unknown_site": lambda _, __, at_ms: (NOBODY.encode(), _reading(at_ms)),
    "unknown_device": lambda key, _, at_ms: (key, _reading(at_ms)),
    "no_key": lambda _, value, __: (b"", value),
    "empty_value": lambda key, *_: (key, b""),
    "too_late": lambda key, value, at_ms: (key, _like(value, measured_at_ms=at_ms - 40 * _DAY_MS)),
    "future": lambda key, value, at_ms: (key, _like(value, measured_at_ms=at_ms + 2 * _DAY_MS)),
    "1970": lambda key, value, _: (key, _like(value, measured_at_ms=0)),
    "2100": lambda key, value, _: (key, _like(value, measured_at_ms=4_102_444_800_000)),
    "seconds": lambda key, value, at_ms: (key, _like(value, measured_at_ms=at_ms // 1000)),
    "beyond_any_power": lambda key, value, _: (key, _like(value, active_power_w=10_000_000_001)),
    "negative_charge": lambda key, value, _: (key, _like(value, state_of_charge_wh=-1)),
}  # fmt: skip
"""By name: key and value of a bad record, from a good one's and its time."""


class Good(NamedTuple):
    """A good record, and one of another site."""

    key: bytes
    value: bytes
    at_ms: int
    other_key: bytes
    other_value: bytes


class Bad(NamedTuple):
    """A bad record; *shift* is how many partitions off its key's it goes to."""

    key: bytes
    value: bytes
    shift: int = 0


def _foreign(good: Good) -> Bad:
    """A reading of another site's device, where there is another site."""
    is_foreign = good.other_key not in (b"", good.key)
    return Bad(good.key, good.other_value if is_foreign else _reading(good.at_ms))


def _conflicting(good: Good) -> Bad:
    """The same second with another value: the first counts, where it is the latest that is told as a conflict."""
    try:
        held: Any = json.loads(good.value)
        for one in held if isinstance(held, list) else [held]:
            one["active_power_w"] += 1
    except (ValueError, KeyError, TypeError, RecursionError):
        return Bad(good.key, _reading(good.at_ms))
    return Bad(good.key, json.dumps(held).encode())


STRAY: dict[str, Callable[[Good], Bad]] = {
    "wrong_partition": lambda good: Bad(good.key, good.value, shift=1),
    "foreign_device": _foreign,
    "conflicting": _conflicting,
    "over_4_mb": lambda good: Bad(good.key, b" " * (MAX_VALUE_BYTES + 1)),
}
"""Kinds that are bad beside what else there is; all but the conflicting one are refused."""
SELDOM = "over_4_mb"
SELDOM_SHARE = 0.05
"""Of the times that its turn comes: it is as large as ten thousand others."""
KINDS = sorted([*POISON, *STRAY])


def poison_of(chance: random.Random, good: Good) -> Bad:
    """Return a bad record of a kind chosen by chance."""
    kind = chance.choice(KINDS)
    if kind == SELDOM and chance.random() >= SELDOM_SHARE:
        kind = "empty_value"
    return STRAY[kind](good) if kind in STRAY else Bad(*POISON[kind](good.key, good.value, good.at_ms))
