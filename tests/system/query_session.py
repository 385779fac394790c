"""A client of the query role that asks on and on, and holds what it is told against the truth and what came before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx

from app.dataset.truth import TruthRow

EVERY_S = 0.1
WITHIN_S = 10.0
FIELDS = TruthRow._fields[3:]


class Session(threading.Thread):
    """Asks for live values, windows and children of every node in turn; `faults` are what must not be."""

    def __init__(self, address: str, nodes: list[str], truth: Iterable[TruthRow]) -> None:
        super().__init__(daemon=True)
        self.truth = {(row.node, row.window_start_ms, row.kind): row for row in truth if row.node in nodes}
        self.exact: set[tuple[str, int, str]] = set()
        self.address = address
        self.nodes = nodes
        self.is_over = False
        self.answers = 0
        self.refusals: list[str] = []
        self.unreachable = 0
        self.stale: list[str] = []
        self.faults: list[str] = []
        self._newest: dict[Any, int] = {}

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=WITHIN_S) as client:
            while not self.is_over:
                for node in self.nodes:
                    for part in ("live", "windows", "children"):
                        self._ask(client, node, part)
                time.sleep(EVERY_S)

    def end(self) -> None:
        """Stop asking."""
        self.is_over = True
        self.join()

    def _ask(self, client: httpx.Client, node: str, part: str) -> None:
        try:
            answer = client.get(f"/v1/nodes/{quote(node, safe='')}/{part}")
        except httpx.TransportError:
            self.unreachable += 1
            return
        if answer.status_code == httpx.codes.OK:
            self.answers += 1
            self._compare(node, part, answer.json())
        elif answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and answer.json()["detail"]:
            self.refusals.append(answer.json()["detail"])
        elif answer.status_code != httpx.codes.NOT_FOUND:
            self.faults.append(f"{node}/{part}: {answer.status_code} {answer.text[:200]}")

    def _compare(self, node: str, part: str, found: dict[str, Any]) -> None:
        """Revisions never go back, and what is final never is provisional again."""
        if found["is_stale"]:
            self.stale.append(found["stale_reason"])
        if part == "live":
            self._rise((node, "live"), found["revision"])
        for one in found["items"] if part == "windows" else ():
            self._rise((node, one["start_ms"]), one["revision"])
            self._rise((node, one["start_ms"], "is final"), int(one["status"] != "provisional"))
            self._hold_against_the_truth(node, one)

    def _hold_against_the_truth(self, node: str, window: dict[str, Any]) -> None:
        """No reading counts twice, and what was exact once stays so; before, what comes late may be missing."""
        for kind, found in window["kinds"].items():
            key = (node, window["start_ms"], kind)
            row = self.truth.get(key)
            if row is None:
                continue
            wrong = {one: (found[one], getattr(row, one)) for one in FIELDS if found[one] != getattr(row, one)}
            if found["readings"] > row.readings or (wrong and key in self.exact):
                self.faults.append(f"{key}: {wrong}")
            elif not wrong and window["status"] != "provisional":
                self.exact.add(key)

    def _rise(self, key: Any, value: int) -> None:
        if value < self._newest.get(key, value):
            self.faults.append(f"{key}: {value} after {self._newest[key]}")
        self._newest[key] = max(value, self._newest.get(key, value))
