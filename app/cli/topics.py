"""`gridtwin topics`: make or describe every topic of a deployment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.environment import DIRECTORY, levels_of, load_settings
from app.kafka.acls import ROLES, acls_of, command
from app.kafka.admin import create_topics, describe_topics, differences
from app.kafka.repartition import Repartition
from app.topics import all_topics

_dataset = click.option("--dataset", type=DIRECTORY, help="Take the levels of this dataset.")
_levels = click.option("--levels", help="Levels, separated by commas.")


@click.group()
def topics() -> None:
    """Make or describe every topic, internal changelogs included."""


@topics.command()
@_dataset
@_levels
def create(dataset: Path | None, levels: str | None) -> None:
    """Make what is missing; if a topic differs from what is needed, say how and change nothing."""
    settings = load_settings()
    wanted = all_topics(levels_of(dataset, levels), settings)
    made = asyncio.run(create_topics(settings.broker, wanted))
    click.echo(f"{len(made)} topics made, {len(wanted) - len(made)} were there already")


@topics.command()
@_dataset
@_levels
def describe(dataset: Path | None, levels: str | None) -> None:
    """Print every topic that is needed, and whether it is as it has to be; exit code 1 if one is not."""
    settings = load_settings()
    wanted = all_topics(levels_of(dataset, levels), settings)
    seen = asyncio.run(describe_topics(settings.broker, wanted))
    is_well = True
    for spec in wanted:
        faults = differences(spec, seen[spec.name]) if spec.name in seen else ["missing"]
        is_well = is_well and not faults
        config = " ".join(f"{name}={value}" for name, value in spec.config.items())
        click.echo(f"{spec.name}  {spec.partitions} partitions  {config}  {'; '.join(faults) or 'ok'}")
    raise SystemExit(0 if is_well else 1)


@topics.command()
@_dataset
@_levels
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="Of this role only; may be repeated.")
@click.option("--user", help="Grant to this user; vpp-ROLE unless it is given.")
def acls(dataset: Path | None, levels: str | None, roles: tuple[str, ...], user: str | None) -> None:
    """Print the commands that let each role do what it has to, and nothing more."""
    settings, named = load_settings(), levels_of(dataset, levels)
    for role in roles or ROLES:
        for acl in acls_of(role, named):
            click.echo(command(acl, f"User:{user or f'vpp-{role}'}", settings.broker))


@topics.command()
@_dataset
@_levels
@click.option("--partitions", type=click.IntRange(1, 4096), required=True, help="Of the next generation.")
@click.option("--finish", is_flag=True, help="Everybody who writes telemetry has stopped: let workers begin.")
def repartition(dataset: Path | None, levels: str | None, partitions: int, finish: bool) -> None:
    """Copy telemetry and topology into topics of the next generation, with another number of partitions.

    Run it while everything goes on, again to go on where it stopped, and with --finish once nobody writes any more.
    """
    settings = load_settings()
    one = Repartition(settings, levels_of(dataset, levels), partitions)
    done = asyncio.run(one.run(finish=finish))
    strays = f"{done.left_out} left out, as their partition was wrong"
    click.echo(f"{done.topics} topics made; {done.records} records copied, {strays}")
    if done.whole_from_ms:
        click.echo(f"windows that begin at {_utc(done.whole_from_ms)} or later are whole; take earlier ones from the "
                   "old topics")  # fmt: skip
    if finish:
        click.echo(f"finished; start workers, query and gateways with VPP_GENERATION={one.generation} "
                   f"VPP_PARTITIONS={partitions}")  # fmt: skip


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
