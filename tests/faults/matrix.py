"""All rows by their names."""

from __future__ import annotations

from tests.faults import (
    rows_broker,
    rows_disk,
    rows_input,
    rows_limits,
    rows_mixed,
    rows_topics,
    rows_topology,
    rows_worker,
)
from tests.faults.row import Row

_ALL: dict[str, Row] = {
    **rows_worker.ROWS,
    **rows_disk.ROWS,
    **rows_broker.ROWS,
    **rows_input.ROWS,
    **rows_topology.ROWS,
    **rows_topics.ROWS,
    **rows_limits.ROWS,
    **rows_mixed.ROWS,
}
ROWS = {
    name: _ALL[name] for name in sorted(_ALL, key=lambda name: (int("0" + "".join(filter(str.isdigit, name))), name))
}

ABSENT = {
    "F13 partition between brokers": "no harness yet; F11 freezes a broker, which the others take for one",
    "F28 last release and this one together": "there is no release yet",
    "F29 credentials that end": "no harness yet",
    "F30 abuse of the query role": "tested beside the query role, not under faults",
}
"""Rows that nobody can run yet, and why."""
