"""What is asked: ids, instants, ranges, cursors; anything else is a problem with a remedy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from heapq import nlargest
from itertools import islice
from urllib.parse import unquote

import msgspec

from app.query.periods import EARLIEST_MS, LATEST_MS
from app.query.problems import ProblemError
from app.query.rows import NODE, SITE
from app.query.view import View

NEAR = 5
NEAR_LOOKED_AT = 200_000
LONGEST_ALIKE, MOST_WEIGHED, MOST_COMPARED, ALIKE = 100, 50_000, 200, 0.75
"""Ids are looked at only so long, weighed and compared only so many, and near if so much of them is the same."""


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a list goes on: of which question, behind which item."""

    question: bytes
    behind: str


def decode_id(text: str) -> str:
    """Return the id in a segment of a path."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ProblemError(400, "the id in the path is not UTF-8", "percent-encode its UTF-8 bytes") from error


def known_id(view: View, family: bytes, text: str) -> str:
    """Return the id of a node or a site that there is."""
    name = decode_id(text)
    topology = view.membership.topology
    names, others = (topology.nodes, topology.sites) if family == NODE else (topology.sites, topology.nodes)
    if name in names:
        return name
    word, other = ("node", "site") if family == NODE else ("site", "node")
    remedy = f"ask /v1/{other}s/ for it" if name in others else f"look for it with /v1/{word}s?text="
    raise ProblemError(404, f"there is no {word} {shortened(name)!r}", remedy, near=near(name, names))


def near(name: str, names: Iterable[str]) -> list[str]:
    """Return ids that hold what was asked for, or its beginning; where there are none, those that differ least."""
    asked = name.casefold()[:LONGEST_ALIKE]
    looked_at = [(one.casefold(), one) for _, one in zip(range(NEAR_LOOKED_AT), names, strict=False)]
    found = (one for folded, one in looked_at if _holds(asked, folded))
    return list(islice(found, NEAR)) or _alike(asked, looked_at[:MOST_WEIGHED])


def _holds(asked: str, one: str) -> bool:
    return bool(asked) and (asked in one or one in asked or (len(asked) > 3 and one.startswith(asked[:-1])))


def _alike(asked: str, names: list[tuple[str, str]]) -> list[str]:
    """Return ids that are some slips of the hand away: those that begin and end most alike are compared."""
    cuts, most = [max(1, len(asked) * part // 4) for part in (1, 2, 3)], 1 + len(asked) // 6
    begins, ends = [asked[:cut] for cut in cuts], [asked[-cut:] for cut in cuts]
    shared = ((sum(map(one.startswith, begins)) + sum(map(one.endswith, ends)), one, name)
              for one, name in names if abs(len(one) - len(asked)) <= most)  # fmt: skip
    likely = {one: name for _, one, name in nlargest(MOST_COMPARED, shared)}
    return [likely[one] for one in get_close_matches(asked, likely, NEAR, ALIKE)]


def shortened(text: str) -> str:
    """Return the beginning of what may be very long."""
    return text if len(text) <= 100 else text[:100] + "..."


def read_instant(text: str | None, name: str) -> int | None:
    """Return milliseconds of a time: ISO 8601, UTC unless it says otherwise, or milliseconds."""
    if text is None:
        return None
    try:
        if text.lstrip("-").isdecimal() and len(text) < 20:
            found = int(text)
        else:
            at = datetime.fromisoformat(text.replace(" ", "+"))
            found = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ProblemError(400, f"{name} is {shortened(text)!r}", "give 2016-06-01T12:00, or milliseconds") from error
    if not EARLIEST_MS <= found < LATEST_MS:
        raise ProblemError(400, f"{name} is {shortened(text)!r}", "give a time from 1970 to 2999")
    return found


def read_as_of(view: View, text: str | None, now_ms: int) -> int:
    """Return the instant for which topology is asked: what is newest in the view, unless one is named."""
    found = read_instant(text, "as_of")
    return found if found is not None else view.clocks.as_of_ms() or now_ms


def within(value: int | None, name: str, default: int, most: int) -> int:
    """Return a number that was asked for, or refuse it."""
    if value is None:
        return min(default, most)
    if not 1 <= value <= most:
        raise ProblemError(400, f"{name} is {value}", f"give 1 to {most}")
    return value


def one_of(value: str | None, name: str, words: Iterable[str]) -> str | None:
    """Return a word that was asked for, or refuse it."""
    allowed = list(words)
    if value is not None and value not in allowed:
        raise ProblemError(400, f"{name} is {shortened(value)!r}", f"give {' or '.join(allowed)}")
    return value


def family_of(kind: str | None) -> tuple[bytes, ...]:
    """Return whether nodes, sites or both are asked for."""
    one_of(kind, "type", ("node", "site"))
    return {"node": (NODE,), "site": (SITE,)}.get(kind or "", (NODE, SITE))


def make_cursor(question: tuple[object, ...], behind: str) -> str:
    """Return a cursor that goes on behind an item."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(Cursor(_digest(question), behind))).decode()


def read_cursor(question: tuple[object, ...], text: str | None) -> str | None:
    """Return what a list goes on behind; a cursor of another question is refused."""
    if text is None:
        return None
    try:
        found = msgspec.msgpack.decode(base64.urlsafe_b64decode(text.encode()), type=Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise ProblemError(400, "cursor is none of ours", "begin without a cursor, then give back `next`") from error
    if found.question != _digest(question):
        raise ProblemError(400, "cursor is of another question", "keep every parameter as it was, or begin again")
    return found.behind


def read_key(question: tuple[object, ...], text: str | None, family: bytes) -> bytes | None:
    """Return the key of a row that a list goes on behind."""
    behind = read_cursor(question, text)
    if behind is None:
        return None
    try:
        key = bytes.fromhex(behind)
    except ValueError:
        key = b""
    if not key.startswith(family):
        raise ProblemError(400, "cursor is none of ours", "begin without a cursor, then give back `next`")
    return key


def _digest(question: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(repr(question).encode(), digest_size=6).digest()
