"""`gridtwin worker`: a worker of one role, a Faust application or the query role."""

from __future__ import annotations

import click

from app.cli.environment import load_settings
from app.settings import Settings


@click.command()
@click.argument("role", type=click.Choice(["twin", "rollup", "query"]))
def worker(role: str) -> None:
    """Run a worker until it is told to stop (SIGTERM flushes, commits and leaves)."""
    settings = load_settings()
    if role == "query":
        _serve(settings)
        return
    from app.batch import run_worker
    from app.logs import configure
    from app.main import check_now, create

    configure(settings, role)
    check_now(settings, role)
    run_worker(create(role, settings), log_level=settings.log_level)


def _serve(settings: Settings) -> None:
    import uvloop

    from app.logs import configure
    from app.query.serve import serve

    configure(settings, "query")
    uvloop.run(serve(settings))
