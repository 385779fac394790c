"""`gridtwin settings`: every setting with its meaning, value and where it came from."""

from __future__ import annotations

import os

import click

from app.compiled import is_in_use
from app.settings import SPECIFICATIONS, Settings, variable


@click.command()
def settings() -> None:
    """Print every setting; exit code 1 if one cannot be used."""
    Settings.load(os.environ)
    for name, spec in SPECIFICATIONS.items():
        seen = os.environ.get(variable(name))
        source = "default" if seen is None else "environment"
        value = spec.default if seen is None else seen
        click.echo(f"{variable(name)}={value}  ({source})\n    {spec.meaning}. Allowed: {spec.allowed}.")
    click.echo(f"# the core runs {'compiled' if is_in_use() else 'as it is; `make compiled` compiles it'}")
