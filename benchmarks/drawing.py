"""Drawings of results as SVG: bars and lines on logarithmic scales. No library: a reader's browser does the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from statistics import median
from xml.sax.saxutils import escape

OURS_COLOUR, THEIRS_COLOUR = "#1f6f54", "#9aa5b1"
COLOURS = (OURS_COLOUR, "#c2571a", "#3566b8", "#8a4f9e", "#b08a00", "#5b6770")
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800, 90, 180, 50, 60
PLOT_HEIGHT = 260

Points = Sequence[tuple[float, float]]


class Scale:
    """Maps values to pixels on a logarithmic scale that begins and ends at powers of ten."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self.low, self.high = floor(log10(min(positive))), ceil(log10(max(positive)))
        self.high = max(self.high, self.low + 1)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        """Return where a value lies; what is not positive lies at the beginning."""
        power = min(max(log10(value), self.low), self.high) if value > 0 else self.low
        return self._begin + (self._end - self._begin) * (power - self.low) / (self.high - self.low)

    def marks(self) -> list[tuple[float, str]]:
        """Return the powers of ten and what to write at them."""
        return [(self.at(10.0**power), written(10.0**power)) for power in range(self.low, self.high + 1)]


def written(value: float) -> str:
    """Return a number as people write it."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def bars(title: str, values: Mapping[str, Sequence[float]], *, ours: str) -> str:
    """Return a bar per name, the greatest median first; whiskers reach from least to greatest."""
    shown = sorted(((name, held) for name, held in values.items() if held), key=lambda pair: -median(pair[1]))
    height = 60 + 32 * len(shown)
    scale = Scale([100.0, 1_000_000.0], 270, 700)
    parts = [_mark_down(at, word, height) for at, word in scale.marks()]
    parts += [_bar(scale, 60 + 32 * index, name, held, ours) for index, (name, held) in enumerate(shown)]
    return _sheet(title, height, parts)


def lines(title: str, series: Mapping[str, Points], *, across: str, up: str) -> str:
    """Return a line per name, both scales logarithmic."""
    height = TOP + PLOT_HEIGHT + BOTTOM
    every = [point for points in series.values() for point in points]
    x = Scale([one for one, _ in every], LEFT, WIDTH - RIGHT)
    y = Scale([one for _, one in every], TOP + PLOT_HEIGHT, TOP)
    parts = [_vertical(at, word) for at, word in x.marks()] + [_horizontal(at, word) for at, word in y.marks()]
    parts += [_line(x, y, index, name, points) for index, (name, points) in enumerate(series.items())]
    parts += [_text(LEFT, TOP - 10, up, "start"), _text(WIDTH - RIGHT, height - 14, across, "end")]
    return _sheet(title, height, parts)


def _sheet(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="{WIDTH}" height="{height}" fill="white"/>\n'
        f'<text x="10" y="22" font-size="15">{escape(title)}</text>\n{"".join(parts)}</svg>\n'
    )


def _bar(scale: Scale, y: int, name: str, held: Sequence[float], ours: str) -> str:
    colour, middle, begin = OURS_COLOUR if name.startswith(ours) else THEIRS_COLOUR, median(held), scale.at(100)
    width = scale.at(middle) - begin
    return (
        f'<text x="260" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="bar" x="{begin:.0f}" y="{y}" width="{width:.1f}" height="20" fill="{colour}"/>'
        f'<line x1="{scale.at(min(held)):.1f}" x2="{scale.at(max(held)):.1f}" y1="{y + 10}" y2="{y + 10}" '
        f'stroke="black"/>{_text(scale.at(max(held)) + 6, y + 14, f"{middle:,.0f}", "start")}'
    )


def _mark_down(at: float, word: str, height: int) -> str:
    return f'<line x1="{at:.0f}" x2="{at:.0f}" y1="48" y2="{height - 8}" stroke="#ddd"/>{_text(at, 42, word, "middle")}'


def _vertical(at: float, word: str) -> str:
    bottom = TOP + PLOT_HEIGHT
    return (
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}" stroke="#ddd"/>'
        f"{_text(at, bottom + 18, word, 'middle')}"
    )


def _horizontal(at: float, word: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        f"{_text(LEFT - 6, at + 4, word, 'end')}"
    )


def _line(x: Scale, y: Scale, index: int, name: str, points: Points) -> str:
    colour = COLOURS[index % len(COLOURS)]
    places = [(x.at(one), y.at(other)) for one, other in sorted(points)]
    dots = "".join(f'<circle cx="{one:.1f}" cy="{other:.1f}" r="3.5" fill="{colour}"/>' for one, other in places)
    path = " ".join(f"{one:.1f},{other:.1f}" for one, other in places)
    key = _text(WIDTH - RIGHT + 14, TOP + 12 + 20 * index, name, "start", colour)
    return f'<polyline class="line" points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{key}\n'


def _text(x: float, y: float, word: str, anchor: str, colour: str = "#444") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="12" text-anchor="{anchor}">{escape(word)}</text>\n'
    )
