"""Lines for machines name the role; libraries' own go the same way."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app.logs import configure
from app.settings import Settings


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


def test_a_password_file_is_named_in_settings_and_its_content_is_not(tmp_path: object) -> None:
    file = f"{tmp_path}/password"
    with open(file, "w") as out:
        out.write("secret-1")
    given = {"VPP_BROKER_SECURITY": "scram", "VPP_BROKER_USER": "one", "VPP_BROKER_PASSWORD_FILE": file}

    assert "secret-1" not in repr(Settings.load(given))
