"""Writes what this product is made of: a CycloneDX SBOM, and a list of licences, of what it needs to run."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main(directory: Path) -> None:
    """Write sbom.json and licences.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = installed(project["dependencies"])
    (directory / "sbom.json").write_text(json.dumps(sbom(project, found), indent=1) + "\n")
    lines = [f"{name} {one.version}: {licence_of(one)}" for name, one in found.items()]
    (directory / "licences.txt").write_text("\n".join([*lines, ""]))


def installed(requirements: list[str]) -> dict[str, Distribution]:
    """Return what these need, and what that needs, by name."""
    found: dict[str, Distribution] = {}
    waiting = list(requirements)
    while waiting:
        name = name_of(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or version of Python
        waiting += [one for one in found[name].requires or [] if "extra ==" not in one]
    return dict(sorted(found.items()))


def name_of(requirement: str) -> str:
    """Return the name in a requirement, as package indexes write it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;\[<>=!~(]", requirement)[0]).lower()


def licence_of(one: Distribution) -> str:
    """Return what a package says of its licence."""
    metadata = one.metadata
    classified = [word.rsplit(" :: ", 1)[1] for word in metadata.get_all("Classifier", []) if "License ::" in word]
    said = (metadata.get("License") or "").strip().splitlines()
    return metadata.get("License-Expression") or ", ".join(classified) or (said[0] if said else "not stated")


def sbom(project: dict[str, Any], found: dict[str, Distribution]) -> dict[str, Any]:
    """Return it in the form of CycloneDX 1.6."""
    top = {"type": "application", "name": project["name"], "version": project["version"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**top, "licenses": [{"license": {"id": project["license"]}}]}},
        "components": [_component(name, one) for name, one in found.items()],
    }


def _component(name: str, one: Distribution) -> dict[str, Any]:
    place = f"pkg:pypi/{name}@{one.version}"
    return {
        "type": "library",
        "bom-ref": place,
        "name": name,
        "version": one.version,
        "purl": place,
        "licenses": [{"license": {"name": licence_of(one)}}],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
