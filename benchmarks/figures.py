"""Figures from figures: percentiles, and how a cost grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, log

QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the least value that is not below a share of all; values in ascending order."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def summary(values: Iterable[float]) -> dict[str, float]:
    """Return how many there are, the usual percentiles and the greatest; nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    held = {name: round(percentile(ordered, share), 4) for name, share in QUANTILES.items()}
    return {"count": len(ordered), **held, "most": round(ordered[-1], 4)}


def exponent(points: Iterable[tuple[float, float]]) -> float | None:
    """Return e of the power law y = c * x^e that fits best by logarithms; None with fewer than two different x."""
    logs = [(log(x), log(y)) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    return _least_squares(logs)


def slope(points: Iterable[tuple[float, float]]) -> float | None:
    """Return what each further x adds to y, by least squares; None with fewer than two different x."""
    held = list(points)
    if len({x for x, _ in held}) < 2:
        return None
    return _least_squares(held)


def _least_squares(points: Sequence[tuple[float, float]]) -> float:
    x_mean, y_mean = (sum(column) / len(points) for column in zip(*points, strict=True))
    steepness: float = sum((x - x_mean) * (y - y_mean) for x, y in points) / sum((x - x_mean) ** 2 for x, _ in points)
    return steepness
