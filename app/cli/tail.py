"""`gridtwin tail`: follow a level."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec

from app import topics
from app.cli.environment import load_settings
from app.domain.contracts import LiveAggregate, WindowAggregate
from app.kafka.clients import consumer, topic_partitions

JOULES_PER_KWH = 3_600_000
HEADER = (f"{'node':32} {'what':20} {'status':11} {'state':9} {'power kW':>12} {'import kWh':>12} "
          f"{'export kWh':>12} {'devices':>11}")  # fmt: skip

_decode_window = msgspec.json.Decoder(WindowAggregate).decode
_decode_live = msgspec.json.Decoder(LiveAggregate).decode


@click.command()
@click.argument("level")
@click.argument("node", required=False)
@click.option("--from-beginning", is_flag=True, help="Everything the topic holds first.")
@click.option("--once", is_flag=True, help="Stop at where the topic ends now.")
def tail(level: str, node: str | None, from_beginning: bool, once: bool) -> None:
    """Follow a level's topic as a table, or one node of it."""
    click.echo(HEADER)
    try:
        asyncio.run(_follow(level, node, from_beginning=from_beginning or once, once=once))
    except KeyboardInterrupt:
        return


async def _follow(level: str, node: str | None, *, from_beginning: bool, once: bool) -> None:
    async with consumer(load_settings().broker) as client:
        tps = await topic_partitions(client, topics.level_topic(level))
        client.assign(tps)
        ends = await client.end_offsets(tps)
        if not from_beginning:
            await client.seek_to_end(*tps)
        while not once or any([await client.position(tp) < ends[tp] for tp in tps]):
            for records in (await client.getmany(timeout_ms=300)).values():
                for record in records:
                    _show(record, node)


def _show(record: Any, node: str | None) -> None:
    if record.value is None:
        return
    line = _live_line(record.value) if record.key.endswith(b"|live") else _window_line(record.value)
    if node is None or line.startswith(node.ljust(32)):
        click.echo(line)


def _window_line(value: bytes) -> str:
    one = _decode_window(value)
    total = one.kinds["all"]
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.window_start_ms / 1000))
    return (
        f"{one.node:32} {when:20} {one.status:11} {one.state:9} {total.mean_power_w / 1000:12,.3f} "
        f"{total.energy_import_j / JOULES_PER_KWH:12,.3f} {total.energy_export_j / JOULES_PER_KWH:12,.3f} "
        f"{total.devices_reporting:5}/{total.devices_expected}"
    )


def _live_line(value: bytes) -> str:
    one = _decode_live(value)
    total = one.kinds["all"]
    when = time.strftime("live %m-%d %H:%M:%S", time.gmtime(one.as_of_ms / 1000))
    known = total.devices_fresh + total.devices_stale + total.devices_never
    return (
        f"{one.node:32} {when:20} {'':11} {one.state:9} {total.active_power_w / 1000:12,.3f} {'':12} {'':12} "
        f"{total.devices_fresh:5}/{known}"
    )
