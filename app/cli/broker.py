"""`gridtwin broker`: a local Apache Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from app.cli.environment import DIRECTORY
from app.kafka.broker import LocalBroker, answers

DEFAULT = Path(".gridtwin/broker")
_directory = click.option("--dir", "directory", type=DIRECTORY, default=DEFAULT, show_default=True, help="Its data.")


@click.group()
def broker() -> None:
    """Start, stop or look at a local Apache Kafka (one KRaft node)."""


@broker.command()
@_directory
@click.option("--port", type=click.IntRange(0, 65_535), default=9092, show_default=True, help="0 takes a free one.")
def start(directory: Path, port: int) -> None:
    """Start it; ready when this returns. The first start fetches it by Maven."""
    address = LocalBroker(directory, port or None).start()
    click.echo(f"Kafka answers at {address}; export VPP_BROKER={address}")


@broker.command()
@_directory
def stop(directory: Path) -> None:
    """Stop it."""
    LocalBroker(directory).stop()
    click.echo("stopped")


@broker.command()
@_directory
def status(directory: Path) -> None:
    """Say whether it runs; exit code 1 if not."""
    running = LocalBroker(directory).running()
    if running is None:
        click.echo(f"no broker runs in {directory}")
        raise SystemExit(1)
    is_ready = asyncio.run(answers(running.address))
    click.echo(
        f"Kafka {'answers' if is_ready else 'runs, but does not answer,'} at {running.address}, "
        f"process {running.pid}, data in {directory}"
    )
    raise SystemExit(0 if is_ready else 1)
