"""The job in Bytewax: state per partition for sites, then a step per level; state in memory, no recovery store."""

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from given import BROKER, CHILDREN, GRACE_MS, LEVELS, PARENTS, TELEMETRY, WINDOW_MS, level_topic, note_first_record
from orjson import dumps, loads


class InMemory(StatefulBatchLogic):
    """State that is nowhere else."""

    def snapshot(self):
        """Return nothing: there is no recovery store."""


class Sites(InMemory):
    """The sites of a partition: latest readings and open windows; a window is over by stream time."""

    def __init__(self):
        self.latest = {}
        self.windows = {}
        self.stream_ms = 0

    def on_batch(self, values):
        """Fold records; emit the windows that are over as (node, start, readings, sum)."""
        out = []
        for message in values:
            if message.value:
                self.add(message.key, loads(message.value))
            self.stream_ms = max(self.stream_ms, message.timestamp[1])
            while self.windows and (start_ms := min(self.windows)) + WINDOW_MS + GRACE_MS <= self.stream_ms:
                sites = self.windows.pop(start_ms).items()
                out += [(PARENTS[site.decode()], start_ms, readings, sum_w) for site, (readings, sum_w) in sites]
        return out, StatefulBatchLogic.RETAIN

    def add(self, site, reading):
        """Add a reading to the window it was measured in."""
        self.latest[site] = reading
        start_ms = reading["measured_at_ms"] // WINDOW_MS * WINDOW_MS
        window = self.windows.setdefault(start_ms, {}).setdefault(site, [0, 0])
        window[0] += 1
        window[1] += reading["active_power_w"]


class Node(InMemory):
    """A node: it emits a window when all its children were heard."""

    def __init__(self):
        self.windows = {}

    def on_batch(self, values):
        """Add parts; emit whole windows in the form of parts."""
        out = []
        for node, start_ms, readings, sum_w in values:
            heard, all_readings, all_w = self.windows.get(start_ms, (0, 0, 0))
            total = (heard + 1, all_readings + readings, all_w + sum_w)
            if total[0] < CHILDREN[node]:
                self.windows[start_ms] = total
            else:
                self.windows.pop(start_ms, None)
                out.append((node, start_ms, total[1], total[2]))
        return out, StatefulBatchLogic.RETAIN


def partition(message):
    """Sites have the partition of their records."""
    if not noted:
        noted.append(True)
        note_first_record()
    return str(message.partition)


def published(keyed):
    """Return the record of a whole window."""
    node, start_ms, readings, sum_w = keyed[1]
    value = {"node": node, "window_start_ms": start_ms, "readings": readings, "sum_w": sum_w}
    topic = level_topic(LEVELS[node])
    return KafkaSinkMessage(key=f"{node}|{start_ms}".encode(), value=dumps(value), topic=topic)


def for_parent(keyed):
    """Return a whole window as a part of its parent; a root has none."""
    node, *numbers = keyed[1]
    return (PARENTS[node], *numbers) if node in PARENTS else None


noted: list[bool] = []
flow = Dataflow("bench")
records = op.input("telemetry", flow, KafkaSource([BROKER], [TELEMETRY], add_config={"group.id": "bench"}))
parts = op.map("values", op.stateful_batch("sites", op.key_on("by-partition", records, partition),
                                           lambda _: Sites()), lambda keyed: keyed[1])  # fmt: skip
for step in range(len(set(LEVELS.values()))):
    nodes = op.stateful_batch(
        f"nodes-{step}", op.key_on(f"by-node-{step}", parts, lambda part: part[0]), lambda _: Node()
    )
    op.output(f"out-{step}", op.map(f"publish-{step}", nodes, published), KafkaSink([BROKER], None))
    parts = op.filter_map(f"up-{step}", nodes, for_parent)
