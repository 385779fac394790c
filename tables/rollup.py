"""Tables of the rollup role."""

from __future__ import annotations

from app.batch import BatchApp, BatchTable
from app.domain.rollup_slots import NODE_TABLE
from app.settings import Settings


def create_tables(app: BatchApp, settings: Settings) -> dict[str, BatchTable]:
    """Add the table of the rollup role to its application."""
    return {
        NODE_TABLE: BatchTable.create(
            app,
            NODE_TABLE,
            partitions=settings.partitions,
            directory=settings.state_dir("rollup"),
            help="One row per node and window, and per node live: what each partition last said; by the rollup agent.",
            is_whole=True,
        )
    }
