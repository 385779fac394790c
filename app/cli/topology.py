"""`gridtwin topology`: apply a topology file, or show where a node stands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from app import topics
from app.cli.environment import DIRECTORY, load_settings, parse_time
from app.dataset.format import Dataset, Member, read_topology
from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology import Topology, is_valid
from app.domain.topology_faults import faults
from app.domain.units import Milliseconds
from app.errors import GridtwinError
from app.kafka.clients import BatchPublisher, partition_of, read_to_end
from app.settings import Settings

FOREVER = Milliseconds(1 << 60)
SHOWN = 20
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


@click.group()
def topology() -> None:
    """Apply or show who belongs to what."""


@topology.command()
@click.argument("file", type=DIRECTORY)
@click.option("--dry-run", is_flag=True, help="Say what would change and write nothing.")
def apply(file: Path, dry_run: bool) -> None:
    """Check what the whole topology would be, say what changes, then write it.

    FILE is topology.jsonl, plain or .gz, or a dataset directory. Every fault is printed; with any, nothing is written.
    """
    settings = load_settings()
    members = list(Dataset(file).topology() if file.is_dir() else read_topology(file))
    if not members:
        raise GridtwinError(f"{file} holds no node and no site; nothing to apply")
    asyncio.run(_apply(settings, members, dry_run=dry_run))


async def _apply(settings: Settings, members: list[Member], *, dry_run: bool) -> None:
    now = await _read(settings)
    changes = [member for member in members if _held(now, member) != member.record]
    for member in changes:
        _put(now, member)
    found = faults(now) + _repeated(members)
    if found:
        lines = "\n  ".join(found)
        raise GridtwinError(f"the topology would have {len(found)} faults; nothing was written:\n  {lines}")
    for member in changes[:SHOWN]:
        click.echo(f"{'remove' if member.removed else 'write'} {member.type} {member.id}")
    if len(changes) > SHOWN:
        click.echo(f"... and {len(changes) - SHOWN} more")
    if not dry_run:
        await _write(settings, changes)
    click.echo(
        f"{len(changes)} records {'would change' if dry_run else 'written'}, {len(members) - len(changes)} as before"
    )


def _repeated(members: list[Member]) -> list[str]:
    seen: set[tuple[str, str]] = set()
    repeated = []
    for member in members:
        if (member.type, member.id) in seen:
            repeated.append(f"{member.type} {member.id!r} is in the file twice; which one holds is not known")
        seen.add((member.type, member.id))
        if member.type not in ("node", "site"):
            repeated.append(f"{member.id!r} is a {member.type!r}; expected node or site")
    return repeated


def _held(now: Topology, member: Member) -> object:
    return (now.nodes if member.type == "node" else now.sites).get(member.id)


def _put(now: Topology, member: Member) -> None:
    record = member.record
    if member.type == "node":
        now.put_node(member.id, record if isinstance(record, NodeRecord) else None)
    else:
        now.put_site(member.id, record if isinstance(record, SiteRecord) else None)


async def _read(settings: Settings) -> Topology:
    """Return what the topics hold; a record that cannot be read counts as absent."""
    found = Topology()
    async for record in read_to_end(settings.broker, topics.TOPOLOGY_NODE):
        found.put_node(record.key.decode(errors="replace"), _decode(record.value, NodeRecord))
    async for record in read_to_end(settings.broker, topics.TOPOLOGY_SITE):
        found.put_site(record.key.decode(errors="replace"), _decode(record.value, SiteRecord))
    return found


def _decode(value: bytes | None, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(value, type=kind) if value is not None else None
    except (msgspec.MsgspecError, UnicodeError):
        return None


async def _write(settings: Settings, changes: list[Member]) -> None:
    """Nodes first: a site is never written before the nodes above it."""
    async with BatchPublisher(settings.broker) as publisher:
        for member in sorted(changes, key=lambda one: one.type != "node"):
            key = member.id.encode()
            value = _encode(member.record) if member.record is not None else None
            if member.type == "node":
                await publisher.publish(topics.TOPOLOGY_NODE, 0, [(key, value, (), None)])
            else:
                home = partition_of(key, settings.partitions)
                await publisher.publish(topics.TOPOLOGY_SITE, home, [(key, value, (), None)])


@topology.command()
@click.argument("name")
@click.option("--at", help="At this time; the far future unless given.")
def show(name: str, at: str | None) -> None:
    """Print the parents, children and devices of a node or a site."""
    at_ms = Milliseconds(parse_time(at) or int(FOREVER))
    now = asyncio.run(_read(load_settings()))
    if name in now.sites:
        _show_site(now, name, at_ms)
    elif name in now.nodes:
        _show_node(now, name, at_ms)
    else:
        raise GridtwinError(f"{name!r} is neither a node nor a site of the topology")


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
