"""A picture of recovery times: a bar for each row, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping

LEFT, WIDTH, LINE, TOP = 90, 560, 22, 30
TICKS_S = (0.1, 1, 10, 100, 1000)
INK, MEDIAN, RANGE = "#333", "#0b6e4f", "#9fd3c1"


def chart(rows: Mapping[str, list[float]]) -> str:
    """Return an SVG: from the shortest to the longest recovery, a mark at the median and at the 99th percentile."""
    drawn = {name: sorted(seconds) for name, seconds in rows.items() if seconds}
    height = TOP + LINE * len(drawn) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        '<rect width="100%" height="100%" fill="white"/>',
        *(_tick(seconds, height) for seconds in TICKS_S),
        *(_row(name, seconds, TOP + LINE * number) for number, (name, seconds) in enumerate(drawn.items())),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _x(seconds: float) -> float:
    low, high = math.log10(TICKS_S[0]), math.log10(TICKS_S[-1])
    share = (math.log10(max(seconds, TICKS_S[0])) - low) / (high - low)
    return round(LEFT + WIDTH * min(1.0, share), 1)


def _tick(seconds: float, height: int) -> str:
    x = _x(seconds)
    return (
        f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 24}" stroke="#ddd"/>'
        f'<text x="{x}" y="{height - 8}" text-anchor="middle">{seconds:g} s</text>'
    )


def _row(name: str, seconds: list[float], y: int) -> str:
    median, late = seconds[len(seconds) // 2], seconds[math.ceil(0.99 * len(seconds)) - 1]
    low, high = _x(seconds[0]), _x(seconds[-1])
    return (
        f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{name}</text>'
        f'<rect x="{low}" y="{y + 3}" width="{max(1.0, high - low):.1f}" height="8" fill="{RANGE}"/>'
        f'<rect x="{_x(median) - 2:.1f}" y="{y}" width="4" height="14" fill="{MEDIAN}"/>'
        f'<rect x="{_x(late) - 1:.1f}" y="{y}" width="2" height="14" fill="{INK}"/>'
    )
