"""The documents name everything that a reader may meet, and lead nowhere that is not there."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from app.__main__ import COMMANDS
from app.batch import Metrics
from app.contracts_schema import RECORDS, SUFFIX, schema_of
from app.domain.contracts import Reason
from app.domain.operation import KNOWN_KINDS
from app.settings import SPECIFICATIONS, Settings, variable
from app.topics import all_topics
from tables import rollup as rollup_tables
from tables import twin as twin_tables
from tests.schemas import validator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ROLE_METRICS = {"pid", "topology_faults", "levels_without_topic"}
"""Added to the driver's own by `agents` and by the file's writer."""


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text()


def missing(words: Any, page: str) -> list[str]:
    """Return the words that a page does not hold in code type."""
    held = set(re.findall(r"[\w.<>-]+", " ".join(re.findall(r"`([^`\n]+)`", text(page)))))
    return sorted(set(words) - held)


def test_every_topic_is_in_operations() -> None:
    names = [spec.name for spec in all_topics(["LEVEL"], Settings.load({}))]

    assert missing([name.replace("LEVEL", "<level>") for name in names], "docs/operations.md") == []


def test_every_table_is_in_architecture() -> None:
    tables = [twin_tables.SITE_TABLE, twin_tables.WINDOW_TABLE, rollup_tables.NODE_TABLE]

    assert missing(tables, "docs/architecture.md") == []


def test_every_setting_is_in_settings_with_its_default_and_no_other_is() -> None:
    rows = dict(re.findall(r"^\| `(VPP_\w+)` \| `?([^|`]+)`? \|", text("docs/settings.md"), re.MULTILINE))

    assert rows == {variable(name): spec.default or "empty" for name, spec in SPECIFICATIONS.items()}


def test_every_make_target_is_in_operations() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", text("Makefile"), re.MULTILINE)

    assert missing(targets, "docs/operations.md") == []


def test_every_command_is_in_operations() -> None:
    assert missing(_commands(), "docs/operations.md") == []


def _commands() -> Iterator[str]:
    for name in COMMANDS:
        command = getattr(importlib.import_module(f"app.cli.{name}"), name)
        yield name
        if isinstance(command, click.Group):
            yield from command.commands


def test_every_metric_is_in_operations() -> None:
    assert missing(Metrics().snapshot().keys() | ROLE_METRICS, "docs/operations.md") == []


def test_every_reason_and_kind_is_in_contracts() -> None:
    assert missing(Reason, "docs/contracts.md") == []
    assert [kind for kind in KNOWN_KINDS if kind not in text("docs/contracts.md")] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_every_field_is_in_the_glossary(record: Any) -> None:
    definitions = schema_of(record)["$defs"].values()

    assert missing([name for one in definitions for name in one.get("properties", ())], "docs/glossary.md") == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_every_public_record_has_a_valid_example(record: Any) -> None:
    _, found, rest = text("docs/contracts.md").partition(f"(contracts/{record.name}{SUFFIX})")
    example = re.search(r"```json\n(.*?)```", rest, re.DOTALL)

    assert found
    assert example is not None
    assert list(validator(record.name).iter_errors(json.loads(example[1]))) == []


def test_every_line_that_is_an_alarm_has_its_remedy_in_operations() -> None:
    told = [line.split(" | ")[0] for line in text("docs/operations.md").split("## Alarms")[1].splitlines()]
    phrases = [phrase for line in told if line.startswith("| `") for phrase in re.findall(r"`([^`]+)`", line)]
    lines = [line for file in _sources() for line in _alarms(ast.parse(file.read_text()))]

    assert len(lines) > 15
    assert [line for line in lines if not any(phrase in line for phrase in phrases)] == []


def _sources() -> Iterator[Path]:
    for package in ("app/batch", "app/kafka", "agents", "tables"):
        yield from (ROOT / package).glob("*.py")


def _alarms(tree: ast.AST) -> Iterator[str]:
    """Yield what is logged, and what ends a worker, with … for what is filled in; not where that is all."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args and _is_alarm(call.func):
            yield from (line for line in _literal(call.args[0]) if line.strip("…\n"))


def _literal(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.Constant):
        yield str(argument.value)
    elif isinstance(argument, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in argument.values)


def _is_alarm(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "log"
    return isinstance(function, ast.Name) and function.id in ("BatchError", "OvertakenError")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text())

    assert [link for link in links if not _resolves(page, link)] == []


def _resolves(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
