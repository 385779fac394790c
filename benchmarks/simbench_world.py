"""SimBench telemetry, day after day, until there is enough of it: seven levels, groups among them, many kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.dataset.format import Arrival, Dataset
from app.dataset.truth import SocTruthRow, TruthRow
from app.replay.repeat import DAY_MS, later

DAY = Path(".gridtwin", "simbench")


class Days(Dataset):
    """A day that comes again and again: its telemetry and its truth, each time a day later."""

    def __init__(self, directory: Path, days: int) -> None:
        super().__init__(directory)
        self.days = days
        held = self.meta
        if held.end_ms - held.start_ms != DAY_MS:
            raise ValueError(f"{directory} does not hold one day of 24 hours")
        self.meta = msgspec.structs.replace(
            held,
            end_ms=held.start_ms + days * DAY_MS,
            readings=days * held.readings,
            truth_rows=days * held.truth_rows,
            soc_truth_rows=days * held.soc_truth_rows,
        )

    def check(self) -> None:
        """Read the day to its end; the others are the same."""
        Dataset(self.directory).check()

    def telemetry(self) -> Iterator[Arrival]:
        """Yield the arrivals of every day."""
        one = Dataset(self.directory)
        for day in range(self.days):
            for arrival in one.telemetry():
                yield later(arrival, day * DAY_MS)

    def truth(self) -> Iterator[TruthRow]:
        """Yield the rows of every day."""
        one = Dataset(self.directory)
        for day in range(self.days):
            for row in one.truth():
                yield row._replace(window_start_ms=row.window_start_ms + day * DAY_MS)

    def soc_truth(self) -> Iterator[SocTruthRow]:
        """Yield the states of charge of every day."""
        one = Dataset(self.directory)
        for day in range(self.days):
            for row in one.soc_truth():
                yield row._replace(window_start_ms=row.window_start_ms + day * DAY_MS)


class SimbenchWorld(msgspec.Struct, frozen=True):
    """A number of days."""

    days: int = 16

    @property
    def name(self) -> str:
        return f"simbench-{self.days}"

    @property
    def described(self) -> str:
        meta = self.dataset().meta
        return (
            f"SimBench, {meta.sites} sites with {meta.devices} devices, a reading per 900 s, "
            f"its day {self.days} times, {len(meta.levels)} levels, groups among them, windows of {meta.window_s} s"
        )

    def dataset(self) -> Dataset:
        """Return it; the day is fetched if it is not there."""
        if not DAY.exists():
            subprocess.run([sys.executable, "-m", "app", "dataset", "simbench", str(DAY)], check=True)
        return Days(DAY, self.days)
