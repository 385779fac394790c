"""What a row of the fault matrix is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.layout import Layout
from tests.faults.trial import Trial

Nemesis = Callable[[Trial, int], None]


class Row(NamedTuple):
    """A row: its title, what it does `count` times, what it is made of, and how many faults it should see."""

    title: str
    act: Nemesis
    layout: Layout = Layout()
    aim: int = 1
    least: int = 1
    per_run: int = 20
    """Faults in one run of a plant; the check comes at its end."""
    note: str = ""
