"""The job in Quix Streams: state and a tumbling window per site, then nodes fed by one topic, all changelogged."""

from given import (
    BROKER,
    CHILDREN,
    GRACE_MS,
    LEVELS,
    PARENTS,
    PARTS,
    STATE_DIR,
    TELEMETRY,
    WINDOW_MS,
    level_topic,
    note_first_record,
)  # fmt: skip
from orjson import loads
from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum
from quixstreams.models import JSONDeserializer

app = Application(
    broker_address=BROKER,
    consumer_group="bench-quix",
    auto_offset_reset="earliest",
    state_dir=STATE_DIR,
    loglevel="WARNING",
    producer_extra_config={"linger.ms": 50},
    consumer_extra_config={"group.instance.id": "bench-0"},
)


def measured_at_ms(reading, _headers, timestamp_ms, _timestamp_type):
    """Windows go by what was measured; a tick goes by its own time."""
    return reading.get("measured_at_ms", timestamp_ms)


def decoded(value):
    """Return a reading; a tick stands for none."""
    return loads(value) if value else {"active_power_w": 0}


seen = []


def note_first(value):
    """Note that the first record has come."""
    if not seen:
        seen.append(value)
        note_first_record()


def remember(value, state):
    """Keep a site's latest reading."""
    state.set("latest", value)


def site_part(window, site, *_):
    """Return a site's window as a part of its parent."""
    return {"node": PARENTS[site], "start": window["start"], "readings": window["readings"], "sum_w": window["sum_w"]}


def add(part, state):
    """Add a part; return the node's window once all its children were heard."""
    key = str(part["start"])
    heard, readings, sum_w = state.get(key, (0, 0, 0))
    total = (heard + 1, readings + part["readings"], sum_w + part["sum_w"])
    if total[0] < CHILDREN[part["node"]]:
        state.set(key, total)
        return None
    state.delete(key)
    return {"node": part["node"], "window_start_ms": part["start"], "readings": total[1], "sum_w": total[2]}


def node_part(window):
    """Return a node's window as a part of its parent."""
    return {"node": PARENTS[window["node"]], "start": window["window_start_ms"], "readings": window["readings"],
            "sum_w": window["sum_w"]}  # fmt: skip


parts = app.topic(PARTS, key_deserializer="str")
levels = {level: app.topic(level_topic(level)) for level in set(LEVELS.values())}

readings = JSONDeserializer(loads=decoded)
sites = app.dataframe(
    app.topic(TELEMETRY, key_deserializer="str", value_deserializer=readings, timestamp_extractor=measured_at_ms)
)
sites = sites.update(note_first).update(remember, stateful=True)
sites = sites.tumbling_window(WINDOW_MS, grace_ms=GRACE_MS).agg(readings=Count(), sum_w=Sum("active_power_w"))
sites = sites.final(closing_strategy="partition")
sites = sites.filter(lambda _, site, *__: site in PARENTS, metadata=True)
sites.apply(site_part, metadata=True).to_topic(parts, key=lambda part: part["node"])

nodes = app.dataframe(parts).apply(add, stateful=True).filter(lambda window: window is not None)
nodes = nodes.to_topic(
    lambda window, *_: levels[LEVELS[window["node"]]],
    key=lambda window: f"{window['node']}|{window['window_start_ms']}",
)
nodes = nodes.filter(lambda window: window["node"] in PARENTS).apply(node_part)
nodes.to_topic(parts, key=lambda part: part["node"])

if __name__ == "__main__":
    app.run()
