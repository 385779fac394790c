"""`gridtwin show`: a node or a site, as the query role knows it."""

from __future__ import annotations

import click
from rich.table import Table

from app.cli.query_terminal import AS_JSON, URL, address, age, instant, line_of, power, wide_console
from app.cli.tail import printable
from app.client import QueryClient, QueryError
from app.client import requests as ask
from app.query.states import SiteAnswer

NOT_FOUND = 404
SHOWN = 20


@click.command()
@click.argument("name")
@click.option("--as-of", help="Topology as of this time: ISO 8601 or milliseconds.")
@URL
@AS_JSON
def show(name: str, as_of: str | None, url: str | None, as_json: bool) -> None:
    """Show a node, or a site with its twin, with what is above and below it."""
    with QueryClient(address(url)) as client:
        try:
            _show_node(client, name, as_of, as_json=as_json)
        except QueryError as error:
            if error.problem is None or error.problem.status != NOT_FOUND:
                raise
            _show_site(client, name, as_of, as_json=as_json, nodes_near=error.problem.near)


def _show_node(client: QueryClient, name: str, as_of: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(client.ask_raw(ask.node(name, as_of=as_of)))
        return
    found = client.ask(ask.node(name, as_of=as_of))
    click.echo(
        f"{line_of(found.data.node)}\n  as of {instant(found.as_of_ms)} UTC, {age(found.age_s, found.stale_reason)}"
    )
    for above in found.data.ancestors:
        click.echo(f"  below {line_of(above)}")
    below = client.ask(ask.children(name, as_of=as_of, limit=SHOWN))
    click.echo(f"  {found.data.node.nodes} nodes and {found.data.node.sites} sites directly below")
    for one in below.items:
        click.echo(f"    {line_of(one)}")
    if below.next is not None:
        click.echo("    ... and more; `gridtwin tree` shows them")


def _show_site(
    client: QueryClient, name: str, as_of: str | None, *, as_json: bool, nodes_near: tuple[str, ...]
) -> None:
    question = ask.site(name, as_of=as_of)
    try:
        body = client.ask_raw(question)
    except QueryError as error:
        near = [*nodes_near, *(error.problem.near if error.problem is not None else ())]
        hint = f"; near it: {', '.join(map(printable, near))}" if near else ""
        raise QueryError(f"there is no node and no site {name!r}{hint}", error.problem) from error
    if as_json:
        click.echo(body)
        return
    found = client.ask(question)
    click.echo(
        f"{line_of(found.data.site)}\n  as of {instant(found.as_of_ms)} UTC, {age(found.age_s, found.stale_reason)}"
    )
    for above in found.data.ancestors:
        click.echo(f"  in {line_of(above)}")
    wide_console().print(_devices(found.data))


def _devices(site: SiteAnswer) -> Table:
    table = Table("device", "kind", "does", "power", "measured (UTC)", "state of charge", "since", box=None)
    since = {one.device: one.since_ms for one in site.states if one.machine == "operation"}
    readings = {one.device: one for one in site.twin.devices} if site.twin is not None else {}
    for record in site.record.devices:
        one = readings.get(record.device)
        table.add_row(
            printable(record.device), record.kind, (one.operation if one else None) or "-",
            power(one.active_power_w if one else None), instant(one.measured_at_ms if one else None),
            f"{one.state_of_charge_wh} Wh" if one is not None and one.state_of_charge_wh is not None else "-",
            instant(since.get(record.device)), style=None,
        )  # fmt: skip
    return table
