"""The SBOM names what the product needs, with versions and licences, and nothing that only developers need."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SBOM = runpy.run_path(str(ROOT / "deploy" / "sbom.py"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sbom")
    SBOM["main"](place)
    return place


def test_every_dependency_is_in_it_with_those_that_it_needs(directory: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bill = json.loads((directory / "sbom.json").read_text())
    names = {one["name"] for one in bill["components"]}

    assert {SBOM["name_of"](one) for one in project["dependencies"]} <= names
    assert "aiohttp" in names
    assert names.isdisjoint({"pytest", "mypy", "ruff"})


def test_every_component_has_the_place_it_comes_from(directory: Path) -> None:
    bill = json.loads((directory / "sbom.json").read_text())

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert all(one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in bill["components"])


def test_every_licence_is_stated(directory: Path) -> None:
    lines = (directory / "licences.txt").read_text().splitlines()

    assert lines
    assert [line for line in lines if line.endswith(": not stated")] == []


@pytest.mark.parametrize(
    ("requirement", "name"), [("a_b.C>=1", "a-b-c"), ("x[y]==2 ; z", "x"), ("mode-streaming==0.7.1", "mode-streaming")]
)
def test_names_are_those_of_package_indexes(requirement: str, name: str) -> None:
    assert SBOM["name_of"](requirement) == name
