"""SimBench's truth: sums over columns of the source matrices, not over telemetry; imports nothing of the core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.dataset.truth import SocTruthRow, TruthRow


class Column(NamedTuple):
    """Whose power a column of the matrices is."""

    site: str
    device: str
    kind: str


def truth_rows(
    columns: Sequence[Column], times_ms: Any, power_w: Any, above: Mapping[str, Sequence[str]], *, interval_s: int,
    window_s: int,
) -> Iterator[TruthRow]:  # fmt: skip
    """Yield the truth of every node, site and kind; *above* names the nodes above each site."""
    mine: dict[tuple[str, str], list[int]] = {}
    for number, column in enumerate(columns):
        for node in (column.site, *above[column.site]):
            for kind in ("all", column.kind):
                mine.setdefault((node, kind), []).append(number)
    window_of = _window_of(times_ms, window_s)
    for start_ms in np.unique(window_of).tolist():
        per_device = _per_device(power_w[window_of == start_ms], interval_s, window_s)
        for (node, kind), numbers in mine.items():
            yield TruthRow(start_ms, node, kind, *map(int, per_device[:, numbers].sum(axis=1)))


def soc_truth_rows(columns: Sequence[Column], times_ms: Any, soc_wh: Any, *, window_s: int) -> Iterator[SocTruthRow]:
    """Yield the state of charge in the last step of each window; a negative one is none."""
    last = {start_ms: step for step, start_ms in enumerate(_window_of(times_ms, window_s).tolist())}
    for start_ms, step in last.items():
        for number, column in enumerate(columns):
            if soc_wh[step, number] >= 0:
                yield SocTruthRow(start_ms, column.site, column.device, int(soc_wh[step, number]))


def _window_of(times_ms: Any, window_s: int) -> Any:
    return times_ms // (window_s * 1000) * (window_s * 1000)


def _per_device(steps: Any, interval_s: int, window_s: int) -> Any:
    """Return the columns of a truth row from `readings` on, one column per device."""
    count, devices = steps.shape
    longest_s = max(window_s, interval_s)
    seconds, parts = (interval_s, 1) if count * interval_s <= longest_s else (longest_s, count)
    positive = np.where(steps > 0, steps, 0).sum(axis=0)
    total = steps.sum(axis=0)
    ones = np.ones(devices, np.int64)
    return np.stack([
        ones * count, total, _half_even(total, count), _half_even(positive * seconds, parts),
        _half_even((positive - total) * seconds, parts), ones, ones,
        ones * min(count * interval_s, longest_s, window_s), ones * window_s,
    ])  # fmt: skip


def _half_even(dividend: Any, divisor: int) -> Any:
    quotient, remainder = np.divmod(dividend, divisor)
    up = (2 * remainder > divisor) | ((2 * remainder == divisor) & (quotient % 2 == 1))
    return quotient + up
