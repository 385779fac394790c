"""Prints the table of planted bugs at the end of a run that looked for them."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = [value for one in reports for name, value in getattr(one, "user_properties", ()) if name == "planted"]
    if rows:
        terminalreporter.section("planted bugs that the simulator noticed")
        for row in sorted(set(rows)):
            terminalreporter.write_line(row)
