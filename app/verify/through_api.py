"""A sample of truth rows against what the query role answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from app.client import AsyncQueryClient, QueryError
from app.client import requests as ask
from app.dataset.format import Dataset
from app.dataset.truth import TruthRow
from app.query.windows import WindowAnswer
from app.verify.compare import FIELDS, FINAL

RETRY_S = 0.5
NOT_FOUND = 404


@dataclass
class Answers:
    """How many rows the query role answered, and how many of them right."""

    rows: int
    equal: int = 0
    differences: list[str] = field(default_factory=list)


async def verify_answers(dataset: Dataset, address: str, *, rows: int, timeout_s: float, seed: int = 1) -> Answers:
    """Ask for the windows of nodes and sites chosen by chance, until enough rows are compared."""
    sample = _sample(dataset, rows, seed)
    until_s = time.monotonic() + timeout_s
    async with AsyncQueryClient(address) as client:
        while True:
            found = await _compare(client, sample)
            if not found.differences or time.monotonic() > until_s:
                return found
            await asyncio.sleep(RETRY_S)


def _sample(dataset: Dataset, rows: int, seed: int) -> dict[str, list[TruthRow]]:
    by_name: dict[str, list[TruthRow]] = defaultdict(list)
    for row in dataset.truth():
        by_name[row.node].append(row)
    names = sorted(by_name)
    random.Random(seed).shuffle(names)
    chosen: dict[str, list[TruthRow]] = {}
    for name in names:
        if sum(map(len, chosen.values())) >= rows:
            break
        chosen[name] = by_name[name]
    return chosen


async def _compare(client: AsyncQueryClient, sample: dict[str, list[TruthRow]]) -> Answers:
    found = Answers(sum(map(len, sample.values())))
    for name, rows in sample.items():
        windows = await _windows(client, name, rows)
        for row in rows:
            fault = _fault(row, windows.get(row.window_start_ms))
            found.equal += fault is None
            if fault is not None:
                found.differences.append(f"{name!r}, window {row.window_start_ms}, {row.kind}: {fault}")
    return found


async def _windows(client: AsyncQueryClient, name: str, rows: list[TruthRow]) -> dict[int, WindowAnswer]:
    starts = [row.window_start_ms for row in rows]
    span: dict[str, Any] = {"begin": min(starts), "to": max(starts) + 1}
    try:
        page = await client.ask(ask.windows(name, **span))
    except QueryError as error:
        if error.problem is None or error.problem.status != NOT_FOUND:
            raise
        page = await client.ask(ask.windows(name, kind="sites", **span))
    return {one.start_ms: one for one in page.items}


def _fault(row: TruthRow, window: WindowAnswer | None) -> str | None:
    if window is None:
        return "not answered"
    if window.status not in FINAL:
        return f"{window.status}, not final"
    kind = window.kinds.get(row.kind)
    seen = {one: getattr(kind, one) for one in FIELDS} if kind is not None else {}
    wrong = [
        f"{one} is {seen.get(one)}, not {getattr(row, one)}" for one in FIELDS if seen.get(one) != getattr(row, one)
    ]
    return ", ".join(wrong) or None
