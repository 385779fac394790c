"""The shapes of the job that are measured beside peers, each with who takes part."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.contenders import ALL, OWN, OWN_PLAIN, QUICK, Own, Plan
from benchmarks.machine import core
from benchmarks.simbench_world import SimbenchWorld
from benchmarks.worlds import AnyWorld, World


class Shape(NamedTuple):
    """A world at full size and at a tenth, and the peers that drain it."""

    world: AnyWorld
    quick: AnyWorld
    peers: list[Plan]


SHAPES = {
    "minute": Shape(World(sites=50_000, duration_s=900), World(sites=5_000, duration_s=900), ALL),
    "quarter": Shape(
        World(sites=25_000, duration_s=1_800, window_s=900), World(sites=2_500, duration_s=1_800, window_s=900), ALL
    ),
    "simbench": Shape(SimbenchWorld(16), SimbenchWorld(2), []),
}
"""Of SimBench, peers lack what it has: several parents of a site, kinds, and devices that expect no reading."""


def plans(shape: Shape, *, is_quick: bool) -> list[Own | Plan]:
    """Return the systems of a shape, ours first; where the core is compiled, also as it is without."""
    ours = [OWN, OWN_PLAIN] if core() == "compiled" else [OWN]
    return [*ours, *(plan for plan in shape.peers if plan in QUICK or not is_quick)]
