"""`gridtwin tail`: follow a level."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec
from rich.cells import cell_len

from app import topics
from app.cli.environment import load_settings
from app.domain.contracts import SITE_LEVEL, LiveAggregate, SiteWindow, WindowAggregate
from app.kafka.clients import consumer, topic_partitions

JOULES_PER_KWH = 3_600_000
NODE_CELLS = 32
HEADER = (f"{'node':{NODE_CELLS}} {'what':20} {'status':11} {'state':9} {'power kW':>12} {'import kWh':>12} "
          f"{'export kWh':>12} {'devices':>11}")  # fmt: skip

_decode_window = msgspec.json.Decoder(WindowAggregate).decode
_decode_site_window = msgspec.json.Decoder(SiteWindow).decode
_decode_live = msgspec.json.Decoder(LiveAggregate).decode


@click.command()
@click.argument("level")
@click.argument("node", required=False)
@click.option("--from-beginning", is_flag=True, help="Everything the topic holds first.")
@click.option("--once", is_flag=True, help="Stop at where the topic ends now.")
def tail(level: str, node: str | None, from_beginning: bool, once: bool) -> None:
    """Follow a level's topic as a table, or one node of it; level `site` shows closed windows of sites."""
    try:
        asyncio.run(_follow(level, node, from_beginning=from_beginning or once, once=once))
    except KeyboardInterrupt:
        return


async def _follow(level: str, node: str | None, *, from_beginning: bool, once: bool) -> None:
    topic = topics.AGGREGATE_SITE if level == SITE_LEVEL else topics.level_topic(level)
    async with consumer(load_settings().broker) as client:
        tps = await topic_partitions(client, topic)
        client.assign(tps)
        ends = await client.end_offsets(tps)
        if not from_beginning:
            await client.seek_to_end(*tps)
        click.echo(HEADER)
        while not once or any([await client.position(tp) < ends[tp] for tp in tps]):
            for records in (await client.getmany(timeout_ms=300)).values():
                for record in records:
                    if record.value is not None:
                        _show(record, node, is_site=level == SITE_LEVEL)


def _show(record: Any, node: str | None, *, is_site: bool) -> None:
    try:
        name, line = _line(record, is_site=is_site)
    except msgspec.MsgspecError as error:
        click.echo(f"partition {record.partition}, offset {record.offset}: {error}", err=True)
        return
    if node is None or name == node:
        shown = printable(name)
        click.echo(f"{shown}{' ' * (NODE_CELLS - cell_len(shown))} {line}")


def printable(name: str) -> str:
    """A control character in an id must not reach the terminal."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in name)


def _line(record: Any, *, is_site: bool) -> tuple[str, str]:
    if is_site:
        return _window_line(_decode_site_window(record.value))
    if record.key.endswith(b"|live"):
        return _live_line(_decode_live(record.value))
    return _window_line(_decode_window(record.value))


def _window_line(one: WindowAggregate | SiteWindow) -> tuple[str, str]:
    total = one.kinds["all"]
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.window_start_ms / 1000))
    return one.node, (
        f"{when:20} {one.status:11} {one.state:9} {total.mean_power_w / 1000:12,.3f} "
        f"{total.energy_import_j / JOULES_PER_KWH:12,.3f} {total.energy_export_j / JOULES_PER_KWH:12,.3f} "
        f"{total.devices_reporting:5}/{total.devices_expected}"
    )


def _live_line(one: LiveAggregate) -> tuple[str, str]:
    total = one.kinds["all"]
    when = time.strftime("live %m-%d %H:%M:%S", time.gmtime(one.as_of_ms / 1000))
    known = total.devices_fresh + total.devices_stale + total.devices_never
    return one.node, (
        f"{when:20} {'':11} {one.state:9} {total.active_power_w / 1000:12,.3f} {'':12} {'':12} "
        f"{total.devices_fresh:5}/{known}"
    )
