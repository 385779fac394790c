"""What is varied to see how the cost grows: one thing at a time."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.fleet import FANOUT, Fleet

HOUR_S = 3600


class Point(NamedTuple):
    """One fleet on an axis: where it lies there, and how long it reports before it is measured."""

    at: float
    fleet: Fleet
    duration_s: int = HOUR_S
    environ: tuple[tuple[str, str], ...] = ()
    restarts: bool = False
    """Whether its workers are killed and started again, too."""

    @property
    def steps(self) -> int:
        return self.duration_s // self.fleet.interval_s

    @property
    def readings(self) -> int:
        return self.steps * int(self.fleet.sizes().sum())


def axes(*, is_whole: bool) -> dict[str, list[Point]]:
    """Return the points of every axis; the whole of them takes hours."""
    short_s = HOUR_S if is_whole else 1200
    many = 100_000 if is_whole else 10_000
    deep = (25, 4, 4, 4, 4, 4, 4, 1_000_000)
    return {
        "sites": _sites(is_whole=is_whole),
        "sites, a checkpoint per 50 ms": [
            Point(1_000, _of(sites=1_000, interval_s=900), 24 * HOUR_S, (("VPP_CHECKPOINT_CADENCE_S", "0.05"),))
        ],
        "hours of closed windows": [
            Point(hours, _of(sites=100_000 if is_whole else 5_000, interval_s=900), hours * HOUR_S, restarts=True)
            for hours in (1, 24)
        ],
        "partitions": [
            Point(number, _of(sites=10_000, interval_s=60, partitions=number), short_s)
            for number in ((1, 2, 4, 8, 16, 32, 64) if is_whole else (1, 8, 64))
        ],
        "levels": [
            Point(number, _of(sites=10_000, interval_s=60, fanout=(*deep[: number - 1], 1_000_000)), short_s)
            for number in (range(1, 9) if is_whole else (1, 4, 8))
        ],
        "devices per message": [
            Point(number, _of(sites=1_000, interval_s=60, devices=20, per_message=number), short_s)
            for number in (1, 20)
        ],
        "window, s": [
            Point(window_s, _of(sites=1_000, interval_s=15, window_s=window_s)) for window_s in (60, 900, 3600)
        ],
        "share of a hot site": [
            Point(0.001, _of(sites=1_000, interval_s=15, devices=2), short_s),
            Point(0.5, _of(sites=1_000, interval_s=15, hot_devices=1_000, per_message=1), short_s),
        ],
        "sites of a node": [
            Point(below, _of(sites=many, interval_s=600 if is_whole else 60, fanout=(below, *FANOUT[1:])), short_s)
            for below in (25, many)
        ],
    }  # fmt: skip


def _of(**shape: object) -> Fleet:
    return Fleet(**shape)  # type: ignore[arg-type]


def _sites(*, is_whole: bool) -> list[Point]:
    """A reading per window each; the fewer sites, the longer, so that there are enough readings."""
    points = [(1_000, 24), (10_000, 10), (100_000, 1), *[(1_000_000, 1)] * is_whole]
    return [Point(sites, _of(sites=sites, interval_s=900), hours * HOUR_S, restarts=True) for sites, hours in points]
