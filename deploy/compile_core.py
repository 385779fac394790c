"""Compile app/domain with mypyc, if that can be done here; the program runs without it, at half the speed.

    python deploy/compile_core.py

Units are classes for the type checker only. The compiler is given them as what they are when the program runs:
integers. Modules that define records of msgspec stay as they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["GRIDTWIN_COMPILED"] = "no"

from app.compiled import SOURCE, directory

UNITS = ("Seconds", "Milliseconds", "Joules", "WattHours", "Offset", "Watts")
STAYS = ("class ", "msgspec.Struct"), ("class ", "Protocol)")
WITHOUT_RINGS = ("live_share", "measures", "reading")
"""Modules whose objects never refer back to what refers to them: the collector of garbage need not know of them."""
OPTIONS = ["--strict", "--no-warn-redundant-casts"]
"""A cast from an integer to a unit is one from an integer to an integer here."""


def main() -> int:
    if directory().is_dir():
        return 0
    with tempfile.TemporaryDirectory(prefix="gridtwin-compile-") as name:
        work = Path(name)
        shutil.copytree(SOURCE, work / "app" / "domain", ignore=shutil.ignore_patterns("__pycache__"))
        (work / "app" / "__init__.py").write_text("")
        target = directory(work / "app" / "domain")
        (work / "app" / "domain" / "__init__.py").write_text("")
        _flatten_units(work / "app" / "domain" / "units.py")
        for module in WITHOUT_RINGS:
            _spare_collector(work / "app" / "domain" / f"{module}.py")
        if (fault := _build(work)) is not None:
            print(f"the core was not compiled, it runs as it is: {fault}", file=sys.stderr)
            return 0
        _keep(work, target)
    print(f"compiled the core with mypyc: {len(list(target.rglob('*.so')))} modules")
    return 0


def _flatten_units(units: Path) -> None:
    source = units.read_text()
    before, _, rest = source.partition("from typing import TYPE_CHECKING, Final")
    aliases = "".join(f"{unit}: TypeAlias = int\n" for unit in UNITS)
    units.write_text(
        f"{before}from typing import Final, TypeAlias\n\n{aliases}\nMS_PER_S{rest.partition('MS_PER_S')[2]}"
    )


def _spare_collector(file: Path) -> None:
    """Save each object the 16 bytes by which the collector would find it."""
    source = file.read_text().replace("\nclass ", "\n@mypyc_attr(acyclic=True)\nclass ")
    imports = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mypy_extensions import mypyc_attr\n"
    first = "from __future__ import annotations\n"
    assert first in source
    file.write_text(source.replace(first, first + imports))


def _build(work: Path) -> str | None:
    """Build in place; return why it cannot be done, in one line."""
    modules = [str(file.relative_to(work)) for file in sorted((work / "app" / "domain").glob("*.py")) if _can(file)]
    (work / "setup.py").write_text(
        "from setuptools import setup\nfrom mypyc.build import mypycify\n"
        f"setup(name='core', packages=[], ext_modules=mypycify({OPTIONS + modules!r}, opt_level='3'))\n"
    )
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else ((done.stderr or done.stdout).strip().splitlines() or ["?"])[-1]


def _can(file: Path) -> bool:
    """A module of records stays as it is, and so does what is nothing but a name."""
    lines = file.read_text().splitlines()
    return file.stem != "__init__" and not any(
        line.startswith(start) and end in line for line in lines for start, end in STAYS
    )


def _keep(work: Path, target: Path) -> None:
    """Move what was built into place, whole or not at all; older builds go."""
    built = work / "kept"
    for file in [*work.glob("*.so"), *(work / "app" / "domain").glob("*.so")]:
        place = built / file.relative_to(work)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place)
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir(parents=True)
    fresh = target.with_suffix(".new")
    shutil.copytree(built, fresh)
    fresh.rename(target)


if __name__ == "__main__":
    sys.exit(main())
