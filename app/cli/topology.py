"""`gridtwin topology`: apply a topology file, or show where a node stands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from app import topics
from app.cli.environment import DIRECTORY, load_settings, parse_time
from app.cli.topology_change import Change, faults_of, plan, read_topics, strangers
from app.dataset.format import TOPOLOGY, Dataset, Member, read_topology
from app.domain.topology import Topology, is_valid
from app.domain.units import Milliseconds
from app.errors import GridtwinError
from app.kafka.admin import require_topics, topic_names
from app.kafka.clients import BatchPublisher
from app.kafka.topology_writer import write_topology
from app.settings import Settings

FOREVER = Milliseconds(1 << 60)
SHOWN = 20


@click.group()
def topology() -> None:
    """Apply or show who belongs to what."""


@topology.command()
@click.argument("file", type=DIRECTORY)
@click.option("--dry-run", is_flag=True, help="Say what would change and write nothing.")
@click.option("--again", is_flag=True, help="Write what is as before, too: that releases a site from quarantine.")
def apply(file: Path, dry_run: bool, again: bool) -> None:
    """Check what the whole topology would be, say what changes, then write it.

    FILE is topology.jsonl, plain or .gz, or a dataset directory. Every fault is printed; with any, nothing is written.
    """
    lines = list(read_topology(Dataset(file).path(TOPOLOGY) if file.is_dir() else file))
    if not lines:
        raise GridtwinError(f"{file} holds no node and no site; nothing to apply")
    asyncio.run(_apply(load_settings(), lines, dry_run=dry_run, again=again))


async def _apply(settings: Settings, lines: list[Member | str], *, dry_run: bool, again: bool) -> None:
    await require_topics(settings.broker, {topics.TOPOLOGY_NODE: 1, topics.TOPOLOGY_SITE: settings.partitions})
    now = await read_topics(settings.broker)
    members = [line for line in lines if isinstance(line, Member)]
    unreadable = [line for line in lines if isinstance(line, str)]
    changes = plan(now, members, again=again)
    found = [*unreadable, *faults_of(now, members, await topic_names(settings.broker))]
    if found:
        many = f"{len(found)} faults" if len(found) > 1 else "a fault"
        raise GridtwinError("\n  ".join([f"the topology would have {many}; nothing was written:", *found]))
    _tell(changes, members)
    if not dry_run:
        async with BatchPublisher(settings.broker) as publisher:
            records = ((one.member.id, one.member.type == "node", one.member.record) for one in changes)
            await write_topology(publisher, records, settings.partitions)
    would = "would change" if dry_run else "written"
    click.echo(f"{len(changes)} records {would}, {len(members) - len(changes)} as before")


def _tell(changes: list[Change], members: list[Member]) -> None:
    for change in changes[:SHOWN]:
        click.echo(change.sentence)
    if len(changes) > SHOWN:
        click.echo(f"... and {len(changes) - SHOWN} more")
    for kind in strangers(members):
        click.echo(f"note: kind {kind!r} is not one of those that have an operation state")


@topology.command()
@click.argument("name")
@click.option("--at", help="At this time; the far future unless given.")
def show(name: str, at: str | None) -> None:
    """Print the parents, children and devices of a node or a site."""
    at_ms = Milliseconds(parse_time(at) or int(FOREVER))
    now = asyncio.run(read_topics(load_settings().broker))
    if name not in now.sites and name not in now.nodes:
        raise GridtwinError(f"{name!r} is neither a node nor a site of the topology")
    if name in now.sites:
        _show_site(now, name, at_ms)
    if name in now.nodes:
        _show_node(now, name, at_ms)


def _show_site(now: Topology, name: str, at_ms: Milliseconds) -> None:
    click.echo(f"site {name}")
    for node in now.ancestors(name, at_ms):
        click.echo(f"  in {now.nodes[node].level} {node} ({now.nodes[node].hierarchy})")
    for device in now.sites[name].devices:
        state = "" if is_valid(device, at_ms) else " (not valid then)"
        click.echo(
            f"  {device.kind} {device.device}, {device.rated_power_w} W, every {device.reporting_interval_s} s{state}"
        )


def _show_node(now: Topology, name: str, at_ms: Milliseconds) -> None:
    node = now.nodes[name]
    click.echo(f"{node.level} {name} ({node.hierarchy})")
    for above in now.above(name, at_ms):
        click.echo(f"  below {now.nodes[above].level} {above}")
    children = [one for one in now.nodes if now.node_parent(one, at_ms) == name]
    sites = [one for one, record in now.sites.items() if name in now.site_parents(record, at_ms)]
    below = sum(1 for site in now.sites if name in now.ancestors(site, at_ms))
    click.echo(f"  {len(children)} nodes and {len(sites)} sites directly below, {below} sites in all")
    for child in sorted([*children, *sites])[:SHOWN]:
        click.echo(f"    {child}")
    if len(children) + len(sites) > SHOWN:
        click.echo(f"    ... and {len(children) + len(sites) - SHOWN} more")
