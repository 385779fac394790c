"""`gridtwin watch`: a node or a site as it goes on, line by line."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from app.cli.query_terminal import AS_JSON, JOULES_PER_KWH, URL, address, instant, power, until_stopped
from app.cli.tail import printable
from app.client import QueryClient, QueryError
from app.client import requests as ask
from app.client.told import Told

NOT_FOUND = 404


@click.command()
@click.argument("name")
@click.option("--below", is_flag=True, help="Everything below the node, too.")
@click.option("--once", is_flag=True, help="Stop after the first event.")
@URL
@AS_JSON
def watch(name: str, below: bool, once: bool, url: str | None, as_json: bool) -> None:
    """Follow a node or a site: live values, windows, corrections, transitions. A broken connection is resumed."""
    with QueryClient(address(url)) as client:
        interest = {_kind(client, name, below=below): [name]}
        until_stopped(lambda: _follow(client, interest, once=once, as_json=as_json))


def _kind(client: QueryClient, name: str, *, below: bool) -> str:
    try:
        client.ask(ask.node(name))
    except QueryError as error:
        if error.problem is None or error.problem.status != NOT_FOUND:
            raise
        client.ask(ask.site(name))
        return "sites"
    return "subtrees" if below else "nodes"


def _follow(client: QueryClient, interest: dict[str, list[str]], *, once: bool, as_json: bool) -> None:
    for told in client.follow(**interest):
        if as_json:
            click.echo(msgspec.json.encode({"event": told.name, **told.data}))
        elif (line := line_of(told)) is not None:
            click.echo(line)
        if once and told.name != "heartbeat":
            return


def line_of(told: Told) -> str | None:
    """Return an event as a line for people; a heartbeat only when nothing new comes."""
    data, record = told.data, told.data.get("data") or {}
    if told.name == "heartbeat":
        since = "" if data["age_s"] is None else f" for {data['age_s']:,.0f} s"
        return f"no news{since}: {data['stale_reason']}" if data["is_stale"] else None
    who = printable(str(data.get("node") or data.get("site") or data.get("id")))
    if told.name == "live":
        total = record["kinds"].get("all", {})
        return f"{instant(record['as_of_ms'])}  {who}  now {power(total.get('active_power_w'))}, {record['state']}"
    if told.name in ("window", "correction"):
        return f"{instant(record['window_start_ms'])}  {who}  {_window(record)}"
    if told.name == "transition":
        device = f" {printable(record['device'])}" if record["device"] else ""
        return f"{instant(record['at_ms'])}  {who}{device}  {record['before']} -> {record['after']}, {record['cause']}"
    return f"{who}  {told.name}"


def _window(record: dict[str, Any]) -> str:
    total = record["kinds"]["all"]
    return (
        f"window {record['status']}, {record['state']}: mean {power(total['mean_power_w'])}, "
        f"import {total['energy_import_j'] / JOULES_PER_KWH:,.3f} kWh, "
        f"export {total['energy_export_j'] / JOULES_PER_KWH:,.3f} kWh"
    )
