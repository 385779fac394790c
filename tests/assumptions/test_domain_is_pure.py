"""The arrow of imports: app.domain <- app <- tables <- agents; and app.batch, which could be published alone."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPURE = {
    "asyncio", "concurrent", "ctypes", "datetime", "http", "io", "locale", "logging", "multiprocessing", "os",
    "pathlib", "pickle", "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_BUILTINS = {"open", "input", "print", "exec", "eval", "__import__", "globals", "hash", "id"}


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(file: Path) -> Iterator[str]:
    """Yield the full name of every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield node.module or ""


def foreign_imports(package: str, *allowed: str) -> set[str]:
    """Return what a package imports of ours besides itself and what is allowed."""
    ours = {name for file in files_of(package) for name in imports_of(file) if name.split(".")[0] in OURS}
    inside = (package.replace("/", "."), *allowed)
    return {name for name in ours if not any(name == one or name.startswith(f"{one}.") for one in inside)}


FINDS_THE_COMPILED_CORE = "app.compiled"
OURS = {"app", "agents", "tables", "tests"}


def is_pure(name: str) -> bool:
    top = name.split(".")[0]
    if top == "app":
        return name == "app.domain" or name.startswith("app.domain.")
    return top == "msgspec" or (top in sys.stdlib_module_names and top not in IMPURE)


@pytest.mark.parametrize("file", files_of("app/domain"), ids=lambda file: file.stem)
def test_the_domain_imports_only_itself_msgspec_and_what_has_no_clock_no_chance_and_no_outside(file):
    allowed = {FINDS_THE_COMPILED_CORE} if file.stem == "__init__" else set()

    assert [name for name in imports_of(file) if not is_pure(name) and name not in allowed] == []


@pytest.mark.parametrize("file", files_of("app/domain"), ids=lambda file: file.stem)
def test_the_domain_calls_no_builtin_that_reaches_outside_or_differs_between_runs(file):
    calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]

    assert [one.id for one in calls if isinstance(one, ast.Name) and one.id in IMPURE_BUILTINS] == []


@pytest.mark.parametrize(
    "name", ["time", "random", "os.path", "asyncio", "socket", "faust", "app.settings", "app.domains"]
)
def test_an_impure_import_would_be_found(name):
    assert not is_pure(name)


def test_no_float_is_written_in_the_domain():
    floats = [
        (file.name, node.lineno)
        for file in files_of("app/domain")
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]

    assert floats == []


def test_the_batch_driver_imports_nothing_else_of_ours():
    assert foreign_imports("app/batch") == set()


def test_app_imports_neither_tables_nor_agents_except_where_an_application_is_put_together():
    above = {
        file.relative_to(ROOT).as_posix()
        for file in files_of("app")
        for name in imports_of(file)
        if name.split(".")[0] in ("tables", "agents", "tests")
    }

    assert above <= {"app/main.py"}


def test_tables_import_app_and_not_agents():
    assert foreign_imports("tables", "app") == set()


def test_agents_import_tables_and_app():
    assert foreign_imports("agents", "app", "tables") == set()
    assert foreign_imports("agents", "app") != set()
