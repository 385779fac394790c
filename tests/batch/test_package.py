"""The driver is a package of its own: it imports nothing else of this project and knows nothing of energy."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCES = sorted(Path("app/batch").glob("*.py"))
ENERGY = re.compile(r"power|energy|watt|twin|site|node|device|vpp|telemetry|topology|window|rollup", re.IGNORECASE)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_driver_imports_nothing_else_of_this_project(source: Path) -> None:
    imported = [
        node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {node.module or "" for node in imported if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    assert not {name for name in names if re.match(r"(app(?!\.batch)|agents|tables|tests)\b", name)}


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_driver_does_not_know_what_it_drives(source: Path) -> None:
    assert ENERGY.findall(source.read_text().replace("gridtwin", "")) == []
