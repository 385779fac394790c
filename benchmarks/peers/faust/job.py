"""The job in stock Faust: a table of sites with their open windows, a table of nodes, one topic between them."""

from collections import defaultdict

import faust
from given import (
    BROKER,
    CHILDREN,
    GRACE_MS,
    LEVELS,
    PARENTS,
    PARTITIONS,
    PARTS,
    STATE_DIR,
    TELEMETRY,
    WINDOW_MS,
    level_topic,
    note_first_record,
)  # fmt: skip
from orjson import loads

app = faust.App(
    "bench-faust",
    broker=f"kafka://{BROKER}",
    store="rocksdb://",
    datadir=STATE_DIR,
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    consumer_group_instance_id="bench-0",
)
telemetry = app.topic(TELEMETRY, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
parts = app.topic(PARTS, key_type=str, key_serializer="raw", value_serializer="json")
levels = {level: app.topic(level_topic(level), key_type=str, key_serializer="raw", value_serializer="json")
          for level in LEVELS.values()}  # fmt: skip
sites = app.Table("sites", partitions=PARTITIONS, options={"driver": "rocksdict"})
nodes = app.Table("nodes", partitions=PARTITIONS, options={"driver": "rocksdict"})

open_windows: dict[int, dict[int, set[str]]] = defaultdict(dict)


@app.agent(telemetry)
async def fold(stream):
    """Keep each site's latest reading and its open windows; say a window when stream time has passed its grace."""
    is_first = True
    async for event in stream.events():
        if is_first:
            note_first_record()
            is_first = False
        message = event.message
        if event.key:
            add(message.partition, event.key.decode(), loads(event.value))
        await close(message.partition, message.timestamp * 1000)


def add(partition, site, reading):
    """Add a reading to the window it was measured in."""
    start_ms = reading["measured_at_ms"] // WINDOW_MS * WINDOW_MS
    row = sites.get(site) or {"windows": {}}
    window = row["windows"].setdefault(str(start_ms), [0, 0])
    window[0] += 1
    window[1] += reading["active_power_w"]
    row["latest"] = reading
    sites[site] = row
    open_windows[partition].setdefault(start_ms, set()).add(site)


async def close(partition, stream_ms):
    """Say and forget every window that is over."""
    mine = open_windows[partition]
    while mine and (start_ms := min(mine)) + WINDOW_MS + GRACE_MS <= stream_ms:
        for site in mine.pop(start_ms):
            row = sites[site]
            readings, sum_w = row["windows"].pop(str(start_ms))
            sites[site] = row
            await send_part(PARENTS[site], start_ms, readings, sum_w)


async def send_part(node, start_ms, readings, sum_w):
    """Tell a node what one of its children came to."""
    await parts.send(key=node, value=[start_ms, readings, sum_w])


@app.agent(parts)
async def add_up(stream):
    """Publish a node's window when all its children were heard, and tell its parent."""
    async for node, (start_ms, readings, sum_w) in stream.items():
        key = f"{node}|{start_ms}"
        heard, all_readings, all_w = nodes.get(key) or (0, 0, 0)
        total = (heard + 1, all_readings + readings, all_w + sum_w)
        if total[0] < CHILDREN[node]:
            nodes[key] = total
        else:
            nodes.pop(key, None)
            await publish(key, node, start_ms, total)


async def publish(key, node, start_ms, total):
    """Publish a whole window."""
    _, readings, sum_w = total
    value = {"node": node, "window_start_ms": start_ms, "readings": readings, "sum_w": sum_w}
    await levels[LEVELS[node]].send(key=key, value=value)
    if node in PARENTS:
        await send_part(PARENTS[node], start_ms, readings, sum_w)


if __name__ == "__main__":
    app.main()
