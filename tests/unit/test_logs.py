"""Lines for machines name the role; libraries' own go the same way."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.batch.errors import BatchError, die
from app.logs import configure
from app.settings import Settings

ROOT = Path(__file__).parents[2]
REMEDIES = ("nothing to do", "going on", "trying again", "check ", "find out", "see ", "start", "free space", "report ",
            "delete ", "make it", "`gridtwin ", "write it with")  # fmt: skip
PASSED_ON = "stopped: %s"
"""What a worker stopped for says itself what to do; operations has the remedy of each."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The root logger is the whole process's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_every_line_is_json_with_its_role_its_level_and_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings.load({"VPP_LOG_FORMAT": "json"}), "twin")
    logging.getLogger("app.batch.store").warning("a %s of %s", "row", "b")
    line = json.loads(capsys.readouterr().out)

    assert (line["role"], line["level"], line["logger"], line["event"]) == (
        "twin", "warning", "app.batch.store", "a row of b"
    )  # fmt: skip


def test_libraries_are_heard_from_their_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings.load({"VPP_LOG_FORMAT": "json"}), "twin")
    logging.getLogger("aiokafka").info("nothing")
    logging.getLogger("aiokafka").warning("something")

    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["something"]


def test_a_line_that_is_about_a_place_in_kafka_has_it_as_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings.load({"VPP_LOG_FORMAT": "json"}), "twin")
    logging.getLogger("app").warning("one", extra={"topic": "t", "partition": 2, "offset": 10, "value": b"payload"})
    line = json.loads(capsys.readouterr().out)

    assert (line["topic"], line["partition"], line["offset"]) == ("t", 2, 10)
    assert "payload" not in str(line)


def test_what_a_worker_stopped_for_has_its_place_as_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    monkeypatch.setattr("logging.shutdown", lambda: None)
    configure(Settings.load({"VPP_LOG_FORMAT": "json"}), "twin")
    die(BatchError("begins too late", topic="t", partition=2, offset=10))
    line = json.loads(capsys.readouterr().out)

    assert codes == [1]
    assert (line["event"], line["topic"], line["partition"], line["offset"]) == ("stopped: begins too late", "t", 2, 10)


def test_every_warning_says_what_to_do() -> None:
    lines = [line for package in ("app", "agents", "tables") for file in (ROOT / package).rglob("*.py")
             for line in _warnings(ast.parse(file.read_text()))]  # fmt: skip

    assert len(lines) > 20
    assert [line for line in lines if line != PASSED_ON and not any(word in line for word in REMEDIES)] == []


def _warnings(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _is_of_log(call.func):
            (line,) = (part for part in call.args[:1] if isinstance(part, ast.Constant))
            yield str(line.value)


def _is_of_log(function: ast.Attribute) -> bool:
    is_warning = function.attr in ("warning", "error", "critical", "exception")
    return is_warning and isinstance(function.value, ast.Name) and function.value.id == "log"


def test_a_password_file_is_named_in_settings_and_its_content_is_not(tmp_path: object) -> None:
    file = f"{tmp_path}/password"
    with open(file, "w") as out:
        out.write("secret-1")
    given = {"VPP_BROKER_SECURITY": "scram", "VPP_BROKER_USER": "one", "VPP_BROKER_PASSWORD_FILE": file}

    assert "secret-1" not in repr(Settings.load(given))
