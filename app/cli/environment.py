"""What the commands share: settings, and the clock on the wall for words on a terminal."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from app.dataset.format import Dataset
from app.settings import Settings

DIRECTORY = click.Path(path_type=Path)


def load_settings(**changes: str) -> Settings:
    """Return the settings of the environment, with some replaced."""
    return Settings.load({**os.environ, **{f"VPP_{name.upper()}": value for name, value in changes.items()}})


def levels_of(dataset: Path | None, levels: str | None) -> list[str]:
    """Return the levels that a dataset or a list names."""
    if dataset is not None:
        return list(Dataset(dataset).meta.levels)
    if levels:
        return [level.strip() for level in levels.split(",") if level.strip()]
    raise click.UsageError("say which levels: --dataset DIR or --levels a,b")


def parse_time(text: str | None) -> int | None:
    """Return milliseconds of a time: ISO 8601 (UTC unless it says otherwise), milliseconds, or `now`."""
    if text is None:
        return None
    if text == "now":
        return int(datetime.now(UTC).timestamp() * 1000)
    if text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a time; give 2016-06-01T12:00, milliseconds or now") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
