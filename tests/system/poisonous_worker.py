"""`python -m tests.system.poisonous_worker ROLE`: a worker that raises what a marked reading holds when it folds it."""

from __future__ import annotations

from typing import Any

from app.cli.worker import worker
from app.domain import twin

MARK_WH = 3_141_592_653_589


def poison() -> None:
    """Let readings with the mark raise an exception that quotes them, as careless code would."""
    fold = twin.fold_reading

    def bad(state: Any, site: Any, device: Any, reading: Any, *rest: Any) -> None:
        if reading.energy_import_wh == MARK_WH and reading.reactive_power_var == 1:
            raise ValueError(f"no way to fold {reading!r}")
        fold(state, site, device, reading, *rest)

    twin.fold_reading = bad


if __name__ == "__main__":
    poison()
    worker()
