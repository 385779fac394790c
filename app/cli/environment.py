"""What the commands share: settings, and the clock on the wall for words on a terminal."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from app.dataset.format import Dataset, Meta
from app.errors import GridtwinError
from app.settings import Settings, variable

DIRECTORY = click.Path(path_type=Path)
SHARE = click.FloatRange(0, 1)
SHAPING = ("window_s", "grace_s", "horizon_s")
"""Settings that change numbers: a truth holds for its own only."""


def load_settings(**changes: str) -> Settings:
    """Return the settings of the environment, with some replaced."""
    return Settings.load({**os.environ, **{variable(name): value for name, value in changes.items()}})


def settings_for(dataset: Dataset) -> Settings:
    """Return the settings of the environment, or raise if they are not those that a dataset's truth holds for."""
    settings = load_settings()
    wrong = [
        f"{variable(name)} is {getattr(settings, name)}, the dataset's {getattr(dataset.meta, name)}"
        for name in SHAPING
        if getattr(settings, name) != getattr(dataset.meta, name)
    ]
    if wrong:
        raise GridtwinError(
            f'{"; ".join(wrong)}; set them, for workers too: eval "$(gridtwin dataset settings {dataset.directory})"'
        )
    return settings


def environment_of(meta: Meta) -> dict[str, str]:
    """Return the variables under which a dataset replays and verifies."""
    return {
        "VPP_PARTITIONS": str(meta.partitions),
        "VPP_TELEMETRY_TIMESTAMPS": "create",
        "VPP_WINDOW_S": str(meta.window_s),
        "VPP_GRACE_S": str(meta.grace_s),
        "VPP_HORIZON_S": str(meta.horizon_s),
        "VPP_TICK_S": str(meta.tick_s),
    }


def levels_of(dataset: Path | None, levels: str | None) -> list[str]:
    """Return the levels that a dataset or a list names, each once."""
    if dataset is not None:
        return list(dict.fromkeys(Dataset(dataset).meta.levels))
    words = [level.strip() for level in (levels or "").split(",")]
    if any(words):
        return list(dict.fromkeys(filter(None, words)))
    raise click.UsageError("say which levels: --dataset DIR or --levels a,b")


def parse_time(text: str | None) -> int | None:
    """Return milliseconds of a time: ISO 8601 (UTC unless it says otherwise), milliseconds, or `now`."""
    if text is None:
        return None
    if text == "now":
        return int(datetime.now(UTC).timestamp() * 1000)
    if text.isdecimal():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a time; give 2016-06-01T12:00, milliseconds or now") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
