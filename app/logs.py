"""Logs on stdout: key=value for people, JSON for machines; the libraries' own lines go the same way."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from app.settings import Settings

PLACE = ("topic", "partition", "offset")
"""Where in Kafka a line is about: fields of it, where they are known."""
QUIET = ("aiokafka", "faust", "mode")
"""Their information is about their own machinery; warnings come through."""


def configure(settings: Settings, role: str) -> None:
    """Send everything through one formatter; every line says of which role it is, and where in Kafka if it knows."""

    def name_role(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
        return {**line, "role": role}

    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stdout.isatty())
    before: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        name_role,
        structlog.stdlib.ExtraAdder(allow=PLACE),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=before))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")
