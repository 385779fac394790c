"""What a peer is given: where Kafka is, the topology, and the file that notes when its first record came."""

import json
import os
import time
from pathlib import Path

BROKER = os.environ["BENCH_BROKER"]
TELEMETRY = os.environ["BENCH_TELEMETRY"]
PARTS = os.environ["BENCH_PARTS"]
STATE_DIR = os.environ["BENCH_STATE_DIR"]
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])
WINDOW_MS = int(os.environ["BENCH_WINDOW_MS"])
GRACE_MS = int(os.environ["BENCH_GRACE_MS"])

_topology = json.loads(Path(os.environ["BENCH_TOPOLOGY"]).read_text())
PARENTS: dict[str, str] = _topology["parents"]
LEVELS: dict[str, str] = _topology["levels"]
CHILDREN: dict[str, int] = _topology["children"]


def level_topic(level: str) -> str:
    """Return the topic of a level."""
    return f"bench.{level}"


def note_first_record() -> None:
    """Tell the benchmark that fetching has begun."""
    Path(os.environ["BENCH_FIRST_RECORD"]).write_text(str(time.time()))
