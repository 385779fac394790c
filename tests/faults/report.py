"""Makes docs/faults.md and docs/faults.svg of docs/faults.jsonl."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import Any

from tests.faults.chart import chart
from tests.faults.checkers import CHECKERS
from tests.faults.matrix import ABSENT, ROWS

Results = dict[str, list[dict[str, Any]]]
PAGE = Path(__file__).with_name("page.md")
RULE_OF_THREE = 3.0
"""Nothing in n trials: with 95 % confidence the true share is below 3/n."""


def write(results: Path, page: Path) -> None:
    """Write the page and its picture."""
    held = read(results)
    counted = {name: [run for run in runs if "uncounted" not in run] for name, runs in held.items()}
    page.write_text(fill(held, counted))
    page.with_suffix(".svg").write_text(chart({name: times(counted[name]) for name in ROWS if name in counted}))


def read(results: Path) -> Results:
    """Return the runs by row, in the order in which they were made."""
    found: Results = defaultdict(list)
    for line in results.read_text().splitlines():
        result = json.loads(line)
        found[result["row"]].append(result)
    return dict(found)


def fill(results: Results, counted: Results) -> str:
    """Return the page; what is not counted is only noted."""
    parts = {
        "rows": _table(HEAD, "l" + "r" * (len(HEAD) - 1), _rows(counted)),
        "notes": _notes(results),
        "missing": _missing(counted),
        "checkers": _table(("checker", "holds when"), "ll", ([one.name, one.holds] for one in CHECKERS)),
        "planted": _planted(results),
    }
    return Template(PAGE.read_text()).substitute({name: "\n".join(lines) for name, lines in parts.items()})


HEAD = ("row", "faults", "of", "records", "rows compared", "wrong", "95 % bound", "recovered p50 s", "p99 s", "max s",
        "stale s", "read again", "ended by itself")  # fmt: skip


def _rows(results: Results) -> Iterator[list[str]]:
    for name, row in ROWS.items():
        runs = results.get(name, [])
        if runs:
            yield [f"**{name}** {row.title}", *_numbers(runs, row.aim)]


def _numbers(runs: list[dict[str, Any]], aim: int) -> list[str]:
    faults, wrong = total(runs, "faults"), total(runs, "wrong")
    seconds = times(runs)
    ended = sum(sum(run["exits"].values()) for run in runs)
    return [
        f"{faults:,}", f"{aim:,}", f"{total(runs, 'records'):,}", f"{total(runs, 'rows'):,}", str(wrong),
        bound(faults, wrong),
        *(f"{percentile(seconds, share):.1f}" if seconds else "" for share in (0.5, 0.99, 1.0)),
        f"{max(run.get('staleness_s', 0.0) for run in runs):.1f}", f"{total(runs, 'read_again'):,}", str(ended),
    ]  # fmt: skip


def total(runs: Iterable[dict[str, Any]], name: str) -> int:
    return sum(run.get(name, 0) for run in runs)


def times(runs: Iterable[dict[str, Any]]) -> list[float]:
    return sorted(seconds for run in runs for seconds in run["recovered_s"])


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that so large a share does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def bound(faults: int, wrong: int) -> str:
    """Return the upper bound of the share of faults that go wrong, as per cent; none once something was wrong."""
    return f"{100 * min(1.0, RULE_OF_THREE / faults):.2g} %".replace("1e+02", "100") if faults and not wrong else ""


def _notes(results: Results) -> Iterator[str]:
    for name, row in ROWS.items():
        for run in results.get(name, []):
            if "uncounted" in run:
                yield f"- {name}, seed {run['seed']}, {run['commit']}, not counted: {run['uncounted']}"
            elif run["wrong"]:
                why = run.get("failed", run["checks"])
                yield f"- {name}, seed {run['seed']}, {run['commit']}: **{run['wrong']} wrong**: {why}"
        if name in results and row.note:
            yield f"- {name}: {row.note}{_extras(results[name])}"


def _extras(runs: list[dict[str, Any]]) -> str:
    names = ("set_aside", "bad_exits", "stale_writes", "changed", "ratio", "refused", "refusals", "broker_gave_up")
    told = [f"{name} {total(runs, name):,}" for name in names if any(run.get(name) for run in runs)]
    return "; " + ", ".join(told) if told else ""


def _missing(results: Results) -> Iterator[str]:
    for name, row in ROWS.items():
        done = total(results.get(name, []), "faults" if name != "F31" else "minutes")
        if done < row.least and name != "smoke":
            yield f"- {name} {row.title}: {done:,} of at least {row.least:,}"
    yield from (f"- {name}: {why}" for name, why in ABSENT.items())


def _planted(results: Results) -> Iterator[str]:
    planted = {run["bug"]: [run["bug"], run["kind"], ", ".join(run["seen_by"]) or "**nobody**"]
               for run in results.get("planted", [])}  # fmt: skip
    yield from _table(("planted bug", "where", "seen by"), "lll", planted.values())


def _table(head: Iterable[str], sides: Iterable[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---" if side == "l" else "---:" for side in sides) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)
