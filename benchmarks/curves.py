"""Tables and drawings of how cost grows with size, and of latency against volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.archive import Result, load_sentence, machine_sentence
from benchmarks.drawing import lines
from benchmarks.figures import exponent, slope

Point = dict[str, Any]
Column = tuple[str, Callable[[Point], float | None], str]

MB = 1e6
COLUMNS: list[Column] = [
    ("readings", lambda point: point["readings"], "{:,.0f}"),
    ("readings/s", lambda point: point["readings_per_s"], "{:,.0f}"),
    ("CPU us/reading", lambda point: point["cpu_us_per_reading"], "{:.1f}"),
    ("rows/reading", lambda point: point["rows_per_reading"], "{:.3f}"),
    ("twin resident, MB", lambda point: point["resident_bytes"]["twin"] / MB, "{:,.0f}"),
    ("both at their peaks, MB", lambda point: point["peak_memory_bytes"] / MB, "{:,.0f}"),
    ("longest stall, s", lambda point: max(point["longest_stall_s"].values()), "{:.2f}"),
    ("longest flush, s", lambda point: max(point["longest_flush_s"].values()), "{:.2f}"),
    ("disk, MB", lambda point: sum(point["disk_bytes"].values()) / MB, "{:,.1f}"),
    ("changelogs, MB", lambda point: sum(point["changelog_bytes"].values()) / MB, "{:,.1f}"),
]
RESTARTS: list[Column] = [
    (f"{word} {how}, s", lambda point, key=f"{key}_{how}_s": point.get(key), "{:.1f}")  # type: ignore[misc]
    for how in ("warm", "cold")
    for key, word in (("ready", "ready"), ("caught_up", "caught up"))
]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def size_chapter(result: Result) -> str:
    """Return one axis: its table, and how the cost grows along it."""
    points = [point for point in result["points"] if "readings" in point]
    columns = COLUMNS + [one for one in RESTARTS if any(one[1](point) is not None for point in points)]
    head = [result["shape"], *(name for name, _, _ in columns), "exact"]
    rows = [_row(point, columns) for point in points]
    failed = "".join(f"\nOne point failed: {point['error']}\n" for point in result["points"] if "error" in point)
    said = f"{_growth(points)}{_memory(result)}{load_sentence(result)}"
    return f"#### {result['shape']}\n\n{markdown(head, rows)}{failed}\n{said}\n"


def _row(point: Point, columns: Sequence[Column]) -> list[str]:
    values = [(figure(point), form) for _, figure, form in columns]
    shown = ["-" if value is None else form.format(value) for value, form in values]
    return [str(point.get("storm", f"{point['at']:,}")), *shown, "yes" if point["exact"] else "**no**"]


def _growth(points: Sequence[Point]) -> str:
    """Return a sentence with the exponent; that of points that are not on a scale says nothing."""
    found = exponent((point["at"], point["cpu_us_per_reading"]) for point in points if "storm" not in point)
    return "" if found is None else f"CPU per reading grows with the power {found:.2f} of it. "


def _memory(result: Result) -> str:
    added = bytes_per_twin(result) if result["shape"] == "sites" else None
    return "" if added is None else f"Each further twin takes {added:,.0f} bytes of memory. "


def bytes_per_twin(result: Result) -> float | None:
    """Return what each further site adds to the twin worker's resident memory."""
    return slope((point["sites"], point["resident_bytes"]["twin"]) for point in result["points"] if point.get("exact"))


def size_plot(results: Iterable[Result]) -> str:
    """Return processor time per reading along every axis that has more than one point."""
    series = {
        result["shape"]: [(point["at"], point["cpu_us_per_reading"]) for point in result["points"] if point["exact"]]
        for result in results
        if not any("storm" in point for point in result["points"])
    }
    many = {name: points for name, points in series.items() if len(points) > 1}
    return lines("Processor time per reading", many, across="what is varied", up="us")


def latency_chapter(result: Result) -> str:
    """Return latency by load, and latency and volume by cadence and level."""
    runs = [run for run in result["runs"] if "levels" in run]
    failed = "".join(f"\nOne run failed: {run['error']}\n" for run in result["runs"] if "error" in run)
    return (
        f"#### {result['shape']}\n\n{result['sites']:,} sites; the drain rate of the same fleet was "
        f"{result['drain_rate']:,} readings/s. {machine_sentence(result)}\n\n{_by_load(runs)}{_by_level(runs)}{failed}"
    )


def _by_load(runs: Sequence[Point]) -> str:
    head = ["share of drain", "sites", "readings/s", "cadence, s", "twins, s", "top live", "site live", "top final",
            "sites final", "cores used", "sender late, p99", "probes seen", "exact"]  # fmt: skip
    return "Latency in seconds: p50 / p99 / p99.9.\n\n" + markdown(head, [_load_row(run) for run in runs])


def _load_row(run: Point) -> list[str]:
    levels = run["levels"]
    top, site = levels["grid"], levels["site"]
    return [
        f"{run['share']:.0%}", f"{run['sites']:,}", f"{run['rate']:,}", run["cadence_s"], run["twins_s"],
        *(quantiles(one) for one in (top["live_s"], site["live_s"], top["final_s"], site["final_s"])),
        f"{run['cores_used']:.2f}", f"{run['sender_late_s']['p99']:.3f}",
        f"{top['live_s']['count']:,} of {run['probed']:,}", "yes" if run["exact"] else "**no**",
    ]  # fmt: skip


def quantiles(held: dict[str, float]) -> str:
    """Return the usual percentiles; a window of one node has but one value."""
    return " / ".join(f"{held[name]:.2f}" for name in ("p50", "p99", "p999")) if held["count"] else "-"


def _by_level(runs: Sequence[Point]) -> str:
    head = ["cadence, s", "level", "live p50 / p99 / p99.9, s", "final p50 / p99 / p99.9, s", "live records/s",
            "live kB/s", "window records/s", "window kB/s"]  # fmt: skip
    rows = [
        [run["cadence_s"], name, quantiles(one["live_s"]), quantiles(one["final_s"]), *_volume(one)]
        for run in _sweep(runs)
        for name, one in run["levels"].items()
    ]
    return f"\n{markdown(head, rows)}" if rows else ""


def _volume(level: Point) -> list[str]:
    volumes = (level["live"], level["windows"])
    return [text for one in volumes for text in (f"{one['records_per_s']:,.0f}", f"{one['bytes_per_s'] / 1000:,.1f}")]


def _sweep(runs: Sequence[Point]) -> list[Point]:
    """Return the runs in which twins have the cadence of nodes."""
    return [run for run in runs if run["twins_s"] == run["cadence_s"]]


def latency_plot(result: Result) -> str:
    """Return the 99th percentile of live values against what is written for them, a line per level over cadences."""
    series: dict[str, list[tuple[float, float]]] = {}
    for run in _sweep([run for run in result["runs"] if "levels" in run]):
        for name, one in run["levels"].items():
            if one["live_s"]["count"]:
                series.setdefault(name, []).append((one["live"]["bytes_per_s"], one["live_s"]["p99"]))
    return lines("What latency costs: cadences of 100 ms to 5 s", series, across="live bytes per second", up="p99, s")


def profile_chapter(result: Result) -> str:
    """Return processor time per reading by role and phase."""
    rows = [
        [role, name, f"{1e6 * seconds / result['readings']:.2f}"]
        for role, parts in result["roles"].items()
        for name, seconds in parts.items()
    ]
    table = markdown(["role", "what", "us/reading"], rows)
    return f"{result['job']}: {result['readings']:,} readings. {machine_sentence(result)}\n\n{table}"
