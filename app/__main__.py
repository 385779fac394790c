"""`gridtwin`, also `python -m app`: every command, loaded when it is asked for."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any, cast

import click

from app.errors import GridtwinError

COMMANDS = {
    "broker": "start, stop or look at a local Apache Kafka",
    "topics": "make or describe every topic",
    "topology": "apply or show who belongs to what",
    "dataset": "make a dataset: SimBench's day, or any number of synthetic sites",
    "replay": "publish a dataset",
    "verify": "compare what was published with a dataset's truth",
    "tail": "follow a level",
    "show": "show a node or a site, as the query role knows it",
    "tree": "print what is below a node, with what each does now",
    "watch": "follow a node or a site",
    "rejected": "list, show or replay rejected telemetry",
    "quarantine": "list sites in quarantine, or let one back",
    "doctor": "say what is wrong with this deployment, and what to do",
    "worker": "run a worker of one role",
    "settings": "print every setting",
    "contracts": "write the JSON Schemas of every public record",
    "demo": "the main job: a day, computed exactly while its workers are killed",
}


class Commands(click.Group):
    """Commands by name; a module is imported when its command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, getattr(importlib.import_module(f"app.cli.{cmd_name}"), cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands)
def cli() -> None:
    """A virtual power plant core: a digital twin per site, rolled up exactly."""
    # What went wrong is said once, by the command; a worker sets up logs of its own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def main(arguments: list[str] | None = None) -> Any:
    """Run a command; what an operator can mend is one sentence and exit code 1."""
    try:
        return cli.main(arguments, prog_name="gridtwin", standalone_mode=True)
    except GridtwinError as error:
        click.echo(f"gridtwin: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"gridtwin: {error.strerror}: {error.filename}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
