"""Which generation of topics this process works with: names of topics, groups and directories follow from it.

Names are fixed once, when the process starts: nothing in it can take half of them from another generation.
"""

from __future__ import annotations

import os

VARIABLE = "VPP_GENERATION"
LARGEST = 999


def _of_environment() -> int:
    """What is no number is refused with the other settings, a moment later."""
    text = os.environ.get(VARIABLE, "")
    return int(text) if text.isdecimal() and 1 <= int(text) <= LARGEST else 1


def root_of(generation: int) -> str:
    """Return what the names of a generation begin with; the first has the plain ones."""
    return "vpp" if generation == 1 else f"vpp-g{generation}"


def state_name(role: str, generation: int) -> str:
    """Return the name of a role's directory: rows of one generation mean nothing to another."""
    return role if generation == 1 else f"{role}-g{generation}"


GENERATION = _of_environment()
ROOT = root_of(GENERATION)


def renamed(name: str, generation: int) -> str:
    """Return what a topic of this generation is called in another."""
    return root_of(generation) + name.removeprefix(ROOT)
