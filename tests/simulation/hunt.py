"""`python -m tests.simulation.hunt`, in a copy of the source that has the bugs: look for a schedule that sees each.

Prints whether the core is compiled, then a line for each bug: its number, and the seed, or nothing if no schedule does.
"""

from __future__ import annotations

from importlib import import_module
from itertools import islice

from app.compiled import is_in_use
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.run import Limits, run

PATIENCE = 300
"""Schedules after which a planted bug counts as not noticed."""


def main() -> None:
    planted = import_module("app.domain.planted")
    print("compiled" if is_in_use() else "as it is")
    for mutant in MUTANTS:
        planted.PLANTED = mutant.number  # type: ignore[attr-defined]
        print(mutant.number, *_seen(mutant))


def _seen(mutant: Mutant) -> list[int]:
    """Return the first seed in a list, or nothing."""
    seeds = range(mutant.first_seed, mutant.first_seed + PATIENCE)
    return list(islice((seed for seed in seeds if _is_wrong(seed, mutant.limits)), 1))


def _is_wrong(seed: int, limits: Limits) -> bool:
    """An exception is noticed, too."""
    try:
        return bool(run(seed, limits).differences)
    except Exception:
        return True


if __name__ == "__main__":
    main()
