"""What happened in a run and when, by the monotonic clock: one line of JSON for each action."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class Journal:
    """Writes each action at once, so that a run that hangs can be read, too."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()
        self._began_s = time.monotonic()
        self.entries: list[dict[str, Any]] = []

    def note(self, action: str, **facts: Any) -> None:
        """Note an action and its facts."""
        with self._lock:
            entry = {"at_s": round(time.monotonic() - self._began_s, 3), "action": action, **facts}
            self.entries.append(entry)
            self._file.write(json.dumps(entry) + "\n")

    def count(self, action: str) -> int:
        """Return how often an action was noted."""
        return sum(entry["action"] == action for entry in self.entries)

    def of(self, action: str) -> list[dict[str, Any]]:
        """Return the entries of an action."""
        return [entry for entry in self.entries if entry["action"] == action]
