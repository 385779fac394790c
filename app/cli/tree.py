"""`gridtwin tree`: what is below a node, with what each does now."""

from __future__ import annotations

import click
from rich.text import Text
from rich.tree import Tree

from app.cli.query_terminal import AS_JSON, URL, address, line_of, wide_console
from app.client import QueryClient
from app.client import requests as ask
from app.query.members import Member

PAGE = 100


@click.command()
@click.argument("node", required=False)
@click.option("--depth", default=3, show_default=True, type=click.IntRange(1, 64), help="Levels below.")
@click.option("--sites", is_flag=True, help="Sites, too.")
@click.option("--as-of", help="Topology as of this time: ISO 8601 or milliseconds.")
@URL
@AS_JSON
def tree(node: str | None, depth: int, sites: bool, as_of: str | None, url: str | None, as_json: bool) -> None:
    """Print the tree below a node, or every tree."""
    with QueryClient(address(url)) as client:
        question = ask.node(node, as_of=as_of) if node is not None else ask.nodes(roots=True, as_of=as_of)
        if as_json:
            wanted = {"as_of": as_of, "depth": depth, "type": None if sites else "node", "limit": PAGE}
            click.echo(client.ask_raw(ask.descendants(node, **wanted) if node is not None else question))
            return
        roots = [client.ask(ask.node(node, as_of=as_of)).data.node] if node is not None else list(
            client.ask_all(ask.nodes(roots=True, as_of=as_of)))  # fmt: skip
        for root in roots:
            branch = Tree(Text(line_of(root)))
            _grow(client, branch, root, depth, as_of, sites=sites)
            wide_console().print(branch)


def _grow(client: QueryClient, branch: Tree, above: Member, depth: int, as_of: str | None, *, sites: bool) -> None:
    if not depth or not (above.nodes or (sites and above.sites)):
        return
    kind = None if sites else "node"
    for one in client.ask_all(ask.children(above.id, as_of=as_of, type=kind, limit=PAGE)):
        _grow(client, branch.add(Text(line_of(one))), one, depth - 1, as_of, sites=sites)
