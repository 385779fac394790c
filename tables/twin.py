"""Tables of the twin role."""

from __future__ import annotations

from app.batch import BatchApp, BatchTable
from app.domain.site_rows import SITE_TABLE, WINDOW_TABLE
from app.settings import Settings


def create_tables(app: BatchApp, settings: Settings) -> dict[str, BatchTable]:
    """Add the tables of the twin role to its application."""
    directory = settings.state_dir("twin")
    return {
        SITE_TABLE: BatchTable.create(
            app,
            SITE_TABLE,
            partitions=settings.partitions,
            directory=directory,
            help="One row per site, its whole twin; written by the twin agent.",
            is_whole=True,
        ),
        WINDOW_TABLE: BatchTable.create(
            app,
            WINDOW_TABLE,
            partitions=settings.partitions,
            directory=directory,
            help="One row per closed window and block of sites; written by the twin agent.",
        ),
    }
