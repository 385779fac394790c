"""What a system published: its level topics against the oracle, and how much it wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from app.dataset.format import Dataset
from app.kafka.clients import read_to_end

INPUTS = ("vpp.telemetry.reported.", "vpp.topology.", "__")
COLUMNS = ("readings", "sum_w")
FINAL = ("final", "corrected")

Key = tuple[str, int]
Numbers = tuple[int, int]


class Kind(msgspec.Struct, frozen=True):
    """The compared columns of all kinds together."""

    readings: int
    sum_w: int


class Row(msgspec.Struct, frozen=True):
    """A published window: a peer's with the numbers in it, or ours with kinds."""

    node: str
    window_start_ms: int
    readings: int = 0
    sum_w: int = 0
    status: str = "final"
    kinds: dict[str, Kind] = {}

    @property
    def numbers(self) -> Numbers:
        every = self.kinds.get("all", self)
        return every.readings, every.sum_w


class Outcome(msgspec.Struct, frozen=True):
    """How many rows of the oracle were published, and when the last of them was."""

    rows: int
    equal: int
    ended_s: float

    @property
    def is_exact(self) -> bool:
        return self.equal == self.rows > 0


_decode = msgspec.json.Decoder(Row).decode


def oracle(dataset: Dataset) -> dict[Key, Numbers]:
    """Return the compared columns of every node and window."""
    nodes = {member.id for member in dataset.topology() if member.type == "node"}
    rows = (row for row in dataset.truth() if row.kind == "all" and row.node in nodes)
    return {(row.node, row.window_start_ms): (row.readings, row.sum_w) for row in rows}


async def compare(
    truth: dict[Key, Numbers], broker: str, topics: Iterable[str], *, before_ms: int | None = None
) -> Outcome:
    """Read every level to its end; the newest record of a key is what counts, of windows that start in time."""
    said: dict[Key, tuple[Numbers, float]] = {}
    for topic in topics:
        async for record in read_to_end(broker, topic):
            if record.value and not (record.key or b"").endswith(b"|live"):
                take(said, _decode(record.value), record.timestamp / 1000)
    return judge(truth, {key: held for key, held in said.items() if before_ms is None or key[1] < before_ms})


def take(said: dict[Key, tuple[Numbers, float]], row: Row, at_s: float) -> None:
    """Note what a final row says, and since when it has said so."""
    key = (row.node, row.window_start_ms)
    if row.status not in FINAL or said.get(key, (None,))[0] == row.numbers:
        return
    said[key] = (row.numbers, at_s)


def judge(truth: dict[Key, Numbers], said: dict[Key, tuple[Numbers, float]]) -> Outcome:
    """Count what is right; a row that nobody asked for makes one wrong if it holds readings."""
    right = [at_s for key, (numbers, at_s) in said.items() if truth.get(key) == numbers]
    made_up = sum(key not in truth and numbers[0] > 0 for key, (numbers, _) in said.items())
    return Outcome(rows=len(truth), equal=len(right) - made_up, ended_s=max(right, default=0.0))


def written_bytes(data: Path) -> int:
    """Return the bytes in the log of every topic that is not an input, compressed and batched as they were sent."""
    return sum(
        segment.stat().st_size
        for partition in data.iterdir()
        if partition.is_dir() and not partition.name.startswith(INPUTS)
        for segment in partition.glob("*.log")
    )
