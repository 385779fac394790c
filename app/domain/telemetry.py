"""Telemetry bytes to readings: what is wrong is a value that says why, never an exception."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple, NoReturn, cast

import msgspec

from app.domain import contracts
from app.domain.contracts import Reason
from app.domain.reading import Reading
from app.domain.rules import Rules
from app.domain.units import Milliseconds, WattHours, Watts

MAX_VALUE_BYTES: Final = 4 * 1024 * 1024
MAX_READINGS: Final = 1_000
MAX_POWER: Final = 10**10
MAX_REGISTER: Final = 2**53
MAX_DEPTH: Final = 32
"""A fixed bound: how deep the interpreter can read depends on its stack, so a replay might decide otherwise."""
MAX_DETAIL_CHARS = 900
REQUIRED = ("device", "measured_at_ms", "active_power_w")
BOUNDS = {
    "measured_at_ms": (0, MAX_REGISTER),
    "active_power_w": (-MAX_POWER, MAX_POWER),
    "reactive_power_var": (-MAX_POWER, MAX_POWER),
    "state_of_charge_wh": (0, MAX_REGISTER),
    "energy_import_wh": (0, MAX_REGISTER),
    "energy_export_wh": (0, MAX_REGISTER),
}
_QUOTES_OF_REQUIRED: Final = 8


class Refusal(NamedTuple):
    """Why a record, or the readings at `items` of its array, are not admitted."""

    reason: Reason
    detail: str
    items: tuple[int, ...]


class _FaultError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


_decode: Final = msgspec.json.Decoder(contracts.Reading).decode
_values_of: Final = msgspec.structs.astuple


def parse(value: bytes) -> tuple[list[tuple[int, Reading]], list[Refusal]]:
    """Return the readings of a value with their index in its array (0 if it is none), and what is refused.

    A decimal is rounded half to even to the unit. Unknown members are ignored; a member given twice is not.
    """
    reading = plain_reading(value)
    return ([(0, reading)], []) if reading is not None else _parse_strictly(value)


def plain_reading(value: bytes) -> Reading | None:
    """Return the reading of a value as most are: one object of just the members that are known; or None."""
    try:
        if len(value) <= MAX_VALUE_BYTES:
            device, measured_ms, power_w, var, soc_wh, import_wh, export_wh = _values_of(_decode(value))
            reading = Reading(device, measured_ms, power_w, var, soc_wh, import_wh, export_wh)
            return reading if _is_plain(value, reading) else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    return None


def _is_plain(value: bytes, reading: Reading) -> bool:
    """Whether the value holds exactly these members, each once, within bounds: as many quotes as they need."""
    quotes = value.count(b'"')
    return (
        (quotes == _QUOTES_OF_REQUIRED or (quotes == _quotes_of(reading) and _is_bounded(reading)))
        and -MAX_POWER <= int(reading.active_power_w) <= MAX_POWER
        and 0 <= int(reading.measured_at_ms) <= MAX_REGISTER
        and reading.device != ""
    )


def _quotes_of(reading: Reading) -> int:
    return _QUOTES_OF_REQUIRED + 2 * (
        (reading.reactive_power_var is not None)
        + (reading.state_of_charge_wh is not None)
        + (reading.energy_import_wh is not None)
        + (reading.energy_export_wh is not None)
    )


def _is_bounded(reading: Reading) -> bool:
    return (
        (reading.reactive_power_var is None or -MAX_POWER <= reading.reactive_power_var <= MAX_POWER)
        and (reading.state_of_charge_wh is None or 0 <= int(reading.state_of_charge_wh) <= MAX_REGISTER)
        and (reading.energy_import_wh is None or 0 <= int(reading.energy_import_wh) <= MAX_REGISTER)
        and (reading.energy_export_wh is None or 0 <= int(reading.energy_export_wh) <= MAX_REGISTER)
    )


def _parse_strictly(value: bytes) -> tuple[list[tuple[int, Reading]], list[Refusal]]:
    try:
        document = _load(value)
        _refuse_depth(document)
        items = _items(document)
    except _FaultError as fault:
        return [], [Refusal(fault.reason, fault.detail, ())]
    readings: list[tuple[int, Reading]] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(items):
        try:
            readings.append((index, _reading(item)))
        except _FaultError as fault:
            refusals.append(Refusal(fault.reason, fault.detail, (index,)))
    return readings, refusals


def _load(value: bytes) -> object:
    if len(value) > MAX_VALUE_BYTES:
        raise _FaultError(
            Reason.TOO_LARGE, f"{len(value)} bytes; at most {MAX_VALUE_BYTES} are read; send smaller arrays"
        )
    try:
        return cast(
            object,
            json.loads(
                value.decode(),
                object_pairs_hook=_members,
                parse_constant=_refuse_constant,
                parse_float=Decimal,
            ),
        )
    except _FaultError:
        raise
    except (UnicodeDecodeError, ValueError) as error:
        raise _FaultError(Reason.MALFORMED, f"not JSON: {error}"[:MAX_DETAIL_CHARS]) from error
    except (RecursionError, ArithmeticError) as error:
        raise _FaultError(Reason.MALFORMED, "nested too deeply, or a number beyond any range") from error


def _refuse_depth(document: object) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [one for outer in level for one in _members_of(outer)]
        if not level:
            return
    raise _FaultError(Reason.MALFORMED, f"nested more than {MAX_DEPTH} deep")


def _members_of(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class _Twice(dict[str, object]):
    """An object with a member given twice."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Twice(members)


def _refuse_constant(name: str) -> NoReturn:
    raise _FaultError(Reason.MALFORMED, f"{name} is not a JSON number; leave out what is not known")


def _items(document: object) -> list[object]:
    if not isinstance(document, list):
        return [document]
    if not document:
        raise _FaultError(Reason.EMPTY, "an array of 0 readings; expected 1 to 1000")
    if len(document) > MAX_READINGS:
        raise _FaultError(Reason.TOO_MANY_READINGS, f"an array of {len(document)} readings; at most {MAX_READINGS}")
    return document


def _reading(item: object) -> Reading:
    if not isinstance(item, dict):
        raise _FaultError(Reason.WRONG_TYPE, f"{_shown(item)} where an object with {', '.join(REQUIRED)} is expected")
    if isinstance(item, _Twice):
        raise _FaultError(Reason.DUPLICATE_KEY, "a member is given twice; which one holds is not known")
    missing = [name for name in REQUIRED if item.get(name) is None and name not in item]
    if missing:
        raise _FaultError(Reason.MISSING_FIELD, f"missing: {', '.join(missing)}")
    optional = {
        name: _number(name, item[name]) for name in BOUNDS if name not in REQUIRED and item.get(name) is not None
    }
    return Reading(
        device=_device(item["device"]),
        measured_at_ms=Milliseconds(_number("measured_at_ms", item["measured_at_ms"])),
        active_power_w=Watts(_number("active_power_w", item["active_power_w"])),
        reactive_power_var=optional.get("reactive_power_var"),
        state_of_charge_wh=cast("WattHours | None", optional.get("state_of_charge_wh")),
        energy_import_wh=cast("WattHours | None", optional.get("energy_import_wh")),
        energy_export_wh=cast("WattHours | None", optional.get("energy_export_wh")),
    )


def _device(value: object) -> str:
    if not isinstance(value, str):
        raise _FaultError(Reason.WRONG_TYPE, f"device is {_shown(value)}; expected a string")
    if not value:
        raise _FaultError(Reason.EMPTY, "device is empty; expected the id of a device of the site")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _FaultError(Reason.MALFORMED, "device holds half of a surrogate pair; expected Unicode text") from error
    return value


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _FaultError(Reason.WRONG_TYPE, f"{name} is {_shown(value)}; expected a number")
    low, high = BOUNDS[name]
    whole = value if isinstance(value, int) else value.to_integral_value(ROUND_HALF_EVEN)
    if not low <= whole <= high:
        raise _FaultError(Reason.OUT_OF_RANGE, f"{name} is {_shown(value)}; expected {low} to {high}")
    return int(whole)


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def admission_fault(
    measured_at_ms: Milliseconds, record_ms: Milliseconds, stream_ms: Milliseconds, rules: Rules
) -> tuple[Reason, str] | None:
    """Return why a reading is not admitted by its time, or None.

    It is judged against its own record's timestamp. The window of a reading that comes out of order may have
    expired even so: then its rows may be gone, and a replay has to decide the same.
    """
    age_ms = int(record_ms) - int(measured_at_ms)
    if -age_ms > int(rules.future_ms):
        return (
            Reason.FUTURE,
            f"measured {-age_ms} ms after its record; at most {rules.future_ms}; set the device's clock",
        )
    if age_ms > int(rules.horizon_ms):
        return Reason.TOO_LATE, f"measured {age_ms} ms before its record; at most {rules.horizon_ms} (milliseconds?)"
    if rules.window_start(measured_at_ms) + rules.window_ms + rules.horizon_ms <= stream_ms:
        return Reason.TOO_LATE, f"its window ended more than {rules.horizon_ms} ms before stream time {stream_ms}"
    return None


def combine(refusals: Iterable[Refusal]) -> Refusal:
    """Return one refusal for a record: the first reason, each index and why, at most 1 kB."""
    given = list(refusals)
    items = tuple(index for one in given for index in one.items)
    if len(given) == 1:
        return given[0]
    detail = "; ".join(f"[{','.join(map(str, one.items))}] {one.reason}: {one.detail}" for one in given)
    return Refusal(given[0].reason, detail[:MAX_DETAIL_CHARS], items)
