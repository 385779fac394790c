"""Make tables and plots of the JSON files in benchmarks/results: `python benchmarks/report.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.archive import Result, machine_sentence, newest
from benchmarks.contenders import OURS
from benchmarks.curves import latency_chapter, latency_plot, profile_chapter, size_chapter, size_plot
from benchmarks.drawing import bars

DOCS = Path(__file__).parents[1] / "docs"
HEAD = ("system", "state", "processes", "readings", "readings/s", "gridtwin is", "CPU us/reading", "peak memory, MB",
        "records written", "MB written", "warm, s", "cold, s", "exact runs")  # fmt: skip
HEADINGS = {"minute": "One-minute windows", "quarter": "Fifteen-minute windows", "simbench": "SimBench telemetry"}

Run = dict[str, Any]


def main() -> int:
    results = newest("bench")
    put("benchmarks.md", "results", "\n".join(map(_chapter, results.values())))
    for shape, result in results.items():
        (DOCS / f"benchmarks-{shape}.svg").write_text(plot(result))
    _performance(newest("size"), newest("latency"))
    for result in newest("profile").values():
        put("performance.md", "profile", profile_chapter(result))
    return 0


def _performance(size: dict[str, Result], latency: dict[str, Result]) -> None:
    if size:
        chapters = "\n".join(map(size_chapter, size.values()))
        head = machine_sentence(next(iter(size.values())))
        put("performance.md", "size", f"{head}\n\n{chapters}\n![Processor time per reading](performance-size.svg)\n")
        (DOCS / "performance-size.svg").write_text(size_plot(size.values()))
    if latency:
        chapters = "\n".join(map(latency_chapter, latency.values()))
        picture = "\n![Latency against volume](performance-latency.svg)\n" if "cadences" in latency else ""
        put("performance.md", "latency", f"{chapters}{picture}")
    if "cadences" in latency:
        (DOCS / "performance-latency.svg").write_text(latency_plot(latency["cadences"]))


def put(page: str, word: str, made: str) -> None:
    """Replace what is between a page's markers."""
    document = DOCS / page
    document.write_text(between(document.read_text(), word, made))


def between(text: str, word: str, made: str) -> str:
    """Return a document with what is between the markers of a word replaced."""
    begin, end = f"<!-- {word}: made by make report -->", f"<!-- end of {word} -->"
    before, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"there is no {begin}")
    return f"{before}{begin}\n\n{made}\n{end}{rest.partition(end)[2]}"


def _chapter(result: Result) -> str:
    name = result["shape"]
    return f"### {HEADINGS[name]}\n\n{table(result)}\n![Readings per second](benchmarks-{name}.svg)\n"


def table(result: Result) -> str:
    """Return what was measured, as Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(_line(name, result["runs"]) for name in names(result))]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{_setting(result)}\n\n{rows}"


def names(result: Result) -> list[str]:
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


def spread(values: Iterable[float | None], form: str = "{:,.0f}") -> str:
    """Return the median and, of several, the least and the greatest."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    shown = form.format(median(known))
    return shown if len(known) == 1 else f"{shown} ({form.format(min(known))} to {form.format(max(known))})"


def _line(name: str, runs: list[Run]) -> tuple[str, ...]:
    mine = exact(runs, name)
    tried = sum(run["system"] == name for run in runs)
    if not mine:
        return (name, *("-",) * (len(HEAD) - 2), f"0 of {tried}")
    first, held = mine[0], "durable" if mine[0]["is_durable"] else "in memory"

    def of(figure: Callable[[Run], float | None], form: str = "{:,.0f}") -> str:
        return spread([figure(run) for run in mine], form)

    return (
        name, held, str(first["processes"]), f"{first['readings']:,}", of(rate),
        "-" if name == OURS else spread([*ratios(runs, name)], "{:.2f} x as fast"), of(cpu_us, "{:.1f}"),
        of(lambda run: run["peak_memory_bytes"] / 1e6), of(lambda run: run["written_records"]),
        of(lambda run: run["written_bytes"] / 1e6), of(lambda run: run.get("recovery_warm_s"), "{:.1f}"),
        of(lambda run: run.get("recovery_cold_s"), "{:.1f}"), f"{len(mine)} of {tried}",
    )  # fmt: skip


def _setting(result: Result) -> str:
    rounds = max(run["round"] for run in result["runs"])
    size = ", at a tenth of the size" if result["is_quick"] else ""
    return f"{result['job']}{size}; rounds: {rounds}. {machine_sentence(result)}"


def plot(result: Result) -> str:
    """Return a drawing of readings per second on a logarithmic scale; whiskers reach from least to greatest."""
    rates = {name: [rate(run) for run in exact(result["runs"], name)] for name in names(result)}
    return bars("Readings per second, median and range, logarithmic scale", rates, ours=OURS)


if __name__ == "__main__":
    sys.exit(main())
