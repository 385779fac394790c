"""`gridtwin contracts`: the JSON Schemas of every public record."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.environment import DIRECTORY


@click.command()
@click.argument("directory", type=DIRECTORY)
def contracts(directory: Path) -> None:
    """Write the JSON Schemas of every public record; refuses a change that would break who reads by those there."""
    from app.contracts_compatibility import write_schemas

    for name in write_schemas(directory):
        click.echo(directory / name)
