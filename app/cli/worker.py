"""`gridtwin worker`: a Faust worker of one role."""

from __future__ import annotations

import click

from app.cli.environment import load_settings


@click.command()
@click.argument("role", type=click.Choice(["twin", "rollup"]))
def worker(role: str) -> None:
    """Run a worker until it is told to stop (SIGTERM flushes, commits and leaves)."""
    settings = load_settings()
    from app.batch import run_worker
    from app.logs import configure
    from app.main import check_now, create

    configure(settings)
    check_now(settings)
    run_worker(create(role, settings), log_level=settings.log_level)
