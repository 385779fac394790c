"""Tells operators what is wrong with the topology that a worker reads: each fault once, and when it is mended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from app.domain.contracts import NodeRecord, SiteRecord
from app.domain.topology import Topology
from app.domain.topology_faults import faults_in_steps

SHOWN = 20
SHORTEST_PAUSE_S = 1.0
PAUSE_FACTOR = 20
"""Looking through a million sites takes seconds of a core: at most one part in twenty of its time."""

Nodes = Mapping[str, tuple[NodeRecord | None, int]]
Sites = Mapping[str, SiteRecord | None]

log = logging.getLogger(__name__)


class TopologyReport:
    """Looks for faults after records came, in steps with other work between, no more often than it can afford.

    Not in a thread: a compiled core keeps others from running until it has gone through all sites. The steps go over a
    copy: names and records are frozen, only who holds them is copied.
    """

    def __init__(self, pause_s: float = SHORTEST_PAUSE_S) -> None:
        self.pause_s = pause_s
        self.faults: set[str] = set()
        self._unreadable: dict[tuple[str, str], str] = {}
        self.is_due = False
        """Whether a record came that was not looked at yet."""
        self._next_s = 0.0

    def read(self, topic: str, name: str, error: Exception | None) -> None:
        """Note that a record came, and that it could not be read if there is an *error*."""
        self.is_due = True
        if self._unreadable:
            self._unreadable.pop((topic, name), None)
        if error is not None:
            self._unreadable[topic, name] = (
                f"{topic} {name!r} is not valid ({error}); treated as absent until it is applied again"
            )

    async def tell(self, nodes: Nodes, sites: Sequence[Sites]) -> None:
        """Log faults that are new and those that are gone, if something came and it is time."""
        began_s = time.monotonic()
        if not self.is_due or began_s < self._next_s:
            return
        self.is_due = False
        found = set(self._unreadable.values())
        for some in faults_in_steps(_topology(nodes, sites)):
            found.update(some)
            await asyncio.sleep(0)
        _log(
            logging.WARNING, found - self.faults, "topology: %s; ignored until it is mended: `gridtwin topology apply`"
        )
        _log(logging.INFO, self.faults - found, "topology, mended: %s")
        self.faults = found
        ended_s = time.monotonic()
        self._next_s = ended_s + max(self.pause_s, PAUSE_FACTOR * (ended_s - began_s))


def _topology(nodes: Nodes, sites: Sequence[Sites]) -> Topology:
    topology = Topology()
    topology.nodes = {name: node for name, (node, _) in nodes.items() if node is not None}
    topology.sites = {name: site for held in sites for name, site in held.items() if site is not None}
    return topology


def _log(level: int, lines: set[str], sentence: str) -> None:
    for line in sorted(lines)[:SHOWN]:
        log.log(level, sentence, line)
    if len(lines) > SHOWN:
        log.log(level, sentence, f"and {len(lines) - SHOWN} more")
