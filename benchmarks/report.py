"""Make the table and the plot of a result: `python benchmarks/report.py benchmarks/results/FILE.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from math import log10
from pathlib import Path
from statistics import median
from typing import Any

OURS = "gridtwin"
DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- results: made by benchmarks/report.py -->", "<!-- end of results -->"
HEAD = ("system", "state", "processes", "readings", "readings/s", "gridtwin is", "CPU us/reading", "peak memory, MB",
        "records written", "MB written", "exact runs")  # fmt: skip

Run = dict[str, Any]


def main() -> int:
    result = json.loads(Path(sys.argv[1]).read_text())
    document = DOCS / "benchmarks.md"
    document.write_text(between(document.read_text(), f"{table(result)}\n![Readings per second](benchmarks.svg)\n"))
    (DOCS / "benchmarks.svg").write_text(plot(result))
    return 0


def between(text: str, made: str) -> str:
    """Return a document with what is between the markers replaced."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n{END}{rest.partition(END)[2]}"


def table(result: dict[str, Any]) -> str:
    """Return what was measured, as Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(_line(name, result["runs"]) for name in names(result))]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{_setting(result)}\n\n{rows}\n{_recovery(result['runs'])}"


def names(result: dict[str, Any]) -> list[str]:
    """Return the systems in the order of their first run."""
    return list(dict.fromkeys(run["system"] for run in result["runs"]))


def exact(runs: Iterable[Run], name: str) -> list[Run]:
    """Return the runs of a system that count."""
    return [run for run in runs if run["system"] == name and run["exact"]]


def rate(run: Run) -> float:
    """Return readings per second, from the first fetch to the last output."""
    return float(run["readings"] / run["seconds"])


def cpu_us(run: Run) -> float:
    """Return processor time per reading, all processes of the system."""
    return float(1e6 * run["cpu_s"] / run["readings"])


def ratios(runs: list[Run], name: str) -> list[float]:
    """Return how many times as fast ours was, in each round in which both were exact."""
    ours = {run["round"]: rate(run) for run in exact(runs, OURS)}
    return [ours[run["round"]] / rate(run) for run in exact(runs, name) if run["round"] in ours]


def spread(values: list[float], form: str = "{:,.0f}") -> str:
    """Return the median and, of several, the least and the greatest."""
    if not values:
        return "-"
    shown = form.format(median(values))
    return shown if len(values) == 1 else f"{shown} ({form.format(min(values))} to {form.format(max(values))})"


def _line(name: str, runs: list[Run]) -> tuple[str, ...]:
    mine = exact(runs, name)
    tried = sum(run["system"] == name for run in runs)
    if not mine:
        return (name, *("-",) * (len(HEAD) - 2), f"0 of {tried}")
    first, held = mine[0], "durable" if mine[0]["is_durable"] else "in memory"

    def of(figure: Callable[[Run], float], form: str = "{:,.0f}") -> str:
        return spread([figure(run) for run in mine], form)

    return (
        name, held, str(first["processes"]), f"{first['readings']:,}", of(rate),
        "-" if name == OURS else spread([*ratios(runs, name)], "{:.2f} x as fast"), of(cpu_us, "{:.1f}"),
        of(lambda run: run["peak_memory_bytes"] / 1e6), of(lambda run: run["written_records"]),
        of(lambda run: run["written_bytes"] / 1e6), f"{len(mine)} of {tried}",
    )  # fmt: skip


def _setting(result: dict[str, Any]) -> str:
    world, machine, versions = result["world"], result["machine"], result["versions"]
    busy = " **The machine was busy with other work: the figures are no measure.**" if machine["is_busy"] else ""
    return (
        f"{result['at']}, rounds: {max(run['round'] for run in result['runs'])}. "
        f"{world['sites']:,} sites of one {world['kind']}, a reading per {world['interval_s']} s "
        f"for {world['duration_s']} s, windows of {world['window_s']} s, seed {world['seed']}. "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"load {machine['load_before']:.1f} before the start.{busy} "
        f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}."
    )


def _recovery(runs: list[Run]) -> str:
    ours = [run for run in exact(runs, OURS) if "recovery_warm_s" in run]
    warm, cold = (spread([run[f"recovery_{how}_s"] for run in ours], "{:.1f}") for how in ("warm", "cold"))
    return (
        f"Both workers of gridtwin killed with SIGKILL after the drain and started again, until both have their state: "
        f"{warm} s with their disks, {cold} s without.\n"
    )


def plot(result: dict[str, Any]) -> str:
    """Return a drawing of readings per second on a logarithmic scale; whiskers reach from least to greatest."""
    rates = {name: [rate(run) for run in exact(result["runs"], name)] for name in names(result)}
    shown = sorted(((name, held) for name, held in rates.items() if held), key=lambda pair: -median(pair[1]))
    height = 60 + 32 * len(shown)
    bars = "".join(_bar(60 + 32 * index, name, held) for index, (name, held) in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="800" height="{height}" fill="white"/>\n'
        f'<text x="10" y="22" font-size="15">Readings per second, median and range, logarithmic scale</text>\n'
        f"{_grid(height)}{bars}</svg>\n"
    )


def _x(value: float) -> float:
    """Return where a rate lies: 100 a second at the left, a million at the right."""
    return 270 + 430 * (min(max(log10(value), 2), 6) - 2) / 4


def _grid(height: int) -> str:
    marks = [(10**power, f"{10**power:,}") for power in range(2, 7)]
    return "".join(
        f'<line x1="{_x(at):.0f}" x2="{_x(at):.0f}" y1="48" y2="{height - 8}" stroke="#ddd"/>'
        f'<text x="{_x(at):.0f}" y="42" fill="#666" font-size="11" text-anchor="middle">{word}</text>\n'
        for at, word in marks
    )


def _bar(y: int, name: str, held: list[float]) -> str:
    colour, middle = "#1f6f54" if name == OURS else "#9aa5b1", median(held)
    return (
        f'<text x="260" y="{y + 14}" text-anchor="end">{name}</text>'
        f'<rect class="bar" x="{_x(100):.0f}" y="{y}" width="{_x(middle) - _x(100):.1f}" height="20" fill="{colour}"/>'
        f'<line x1="{_x(min(held)):.1f}" x2="{_x(max(held)):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="black"/>'
        f'<text x="{_x(max(held)) + 6:.1f}" y="{y + 14}">{middle:,.0f}</text>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
