"""Errors that an operator can mend: one sentence that says what was seen and what to do."""

from __future__ import annotations


class GridtwinError(Exception):
    """Stops a command with exit code 1 and its sentence, without a traceback."""
