"""Draw a day of a node, window by window, as an SVG: consuming above zero, producing below, coverage beneath.

.venv/bin/python examples/plot_day.py EHV1 day.svg http://127.0.0.1:8086
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from app.client import QueryClient, requests
from app.query.windows import WindowAnswer

WIDTH, HEIGHT, ZERO, HALF, STRIP = 960, 360, 160, 120, 20
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
COLOURS = {"final": "#2b6cb0", "corrected": "#805ad5", "provisional": "#a0aec0"}


def draw(name: str, start_ms: int, windows: list[WindowAnswer]) -> str:
    """Return the picture of a day; a window of which nothing is known has no bar."""
    most_w = max([abs(int(one.kinds["all"].mean_power_w)) for one in windows] or [0]) or 1
    day = datetime.fromtimestamp(start_ms / 1000, UTC)
    title = f"{name}, {day:%Y-%m-%d} UTC, at most {most_w / 1000:,.1f} kW"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
             f'<text x="8" y="20">{escape(title)}</text>',
             *(bar(one, start_ms, most_w) for one in windows),
             f'<path d="M0 {ZERO}H{WIDTH}" stroke="#333"/>',
             *(f'<text x="{x_of(hour * HOUR_MS):.0f}" y="{HEIGHT - 8}" font-size="12">{hour}:00</text>'
               for hour in range(0, 24, 3)), "</svg>"]  # fmt: skip
    return "\n".join(parts) + "\n"


def bar(one: WindowAnswer, start_ms: int, most_w: int) -> str:
    """Return one window: its mean power, and the share of it that is covered."""
    watts = int(one.kinds["all"].mean_power_w)
    height, x = HALF * abs(watts) / most_w, x_of(one.start_ms - start_ms)
    width, covered = x_of(one.end_ms - start_ms) - x, (one.coverage.ratio or 0) * STRIP
    top = ZERO - height if watts > 0 else ZERO
    return (f'<g><title>{watts} W, {one.status}</title><rect class="power" x="{x:.1f}" y="{top:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" fill="{COLOURS[one.status]}"/><rect class="coverage" '
            f'x="{x:.1f}" y="{HEIGHT - 30 - covered:.1f}" width="{width:.1f}" height="{covered:.1f}" '
            f'fill="#38a169"/></g>')  # fmt: skip


def x_of(since_ms: int) -> float:
    """Return where a moment of the day is."""
    return WIDTH * since_ms / DAY_MS


def main(name: str, file: str, address: str = "http://127.0.0.1:8086") -> None:
    """Draw the day of the newest data."""
    with QueryClient(address) as client:
        as_of_ms = client.ask(requests.live(name)).as_of_ms or 0
        start_ms = as_of_ms // DAY_MS * DAY_MS
        day = client.ask(requests.windows(name, begin=start_ms, to=start_ms + DAY_MS, kinds="all"))
    Path(file).write_text(draw(name, start_ms, day.items))
    old = f", stale: {day.stale_reason}" if day.is_stale else ""
    print(f"{len(day.items)} windows drawn to {file}{old}")


if __name__ == "__main__":
    main(*sys.argv[1:])
