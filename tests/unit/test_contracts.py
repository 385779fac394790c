"""Public records and their committed JSON Schemas: the same, compatible with before, and true of what is said."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.twin import TwinMachine
from app import topics
from app.contracts_compatibility import as_file, breaks, write_schemas
from app.contracts_schema import RECORDS, SUFFIX, schemas
from app.domain.rollup import NodePartition
from app.errors import GridtwinError
from app.settings import Settings
from tests.builders import NOON_MS, Disk, Log, Message, a_device, a_node, a_site
from tests.schemas import DIRECTORY, document, schema_name, validator

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SETTINGS = Settings.load({"VPP_PARTITIONS": "1", "VPP_ATTENDED_GAP_S": "86400", "VPP_TELEMETRY_TIMESTAMPS": "create"})
Change = Callable[[dict[str, Any]], object]


def committed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DIRECTORY / (name + SUFFIX)).read_bytes())
    return found


def test_the_committed_schemas_are_the_generated_ones() -> None:
    seen = {file.name: file.read_bytes() for file in DIRECTORY.iterdir()}

    assert seen == {name: as_file(schema) for name, schema in schemas()}, (
        "a public record changed: run `gridtwin contracts docs/contracts`, read what it says, commit what it writes"
    )


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_committed_schema_is_json_schema(record: Any) -> None:
    Draft202012Validator.check_schema(committed(record.name))


BREAKING: dict[str, tuple[str, Change, str]] = {
    "a field removed": (
        "aggregate.window",
        lambda s: s["$defs"]["WindowAggregate"]["properties"].pop("waiting_for"),
        "waiting_for is gone",
    ),
    "a field removed deep inside": (
        "aggregate.window",
        lambda s: s["$defs"]["WindowKind"]["properties"].pop("sum_w"),
        "kinds.*.sum_w is gone",
    ),
    "a required field added": (
        "topology.node",
        lambda s: s["$defs"]["NodeRecord"].update(
            properties={**s["$defs"]["NodeRecord"]["properties"], "owner": {"type": "string"}},
            required=[*s["$defs"]["NodeRecord"]["required"], "owner"],
        ),
        "owner is new and required",
    ),
    "an optional field required": (
        "telemetry.reported",
        lambda s: s["$defs"]["Reading"]["required"].append("state_of_charge_wh"),
        "(0).state_of_charge_wh was optional, is required",
    ),
    "a type changed": (
        "twin.updated",
        lambda s: s["$defs"]["TwinUpdated"]["properties"].update(revision={"type": "string"}),
        'revision was {"type":"integer"}, is {"type":"string"}',
    ),
    "a published field that may be absent": (
        "twin.transitioned",
        lambda s: s["$defs"]["Transition"]["required"].remove("cause"),
        "cause was always there, may be absent",
    ),
    "a word added to a closed list": (
        "telemetry.rejected.headers",
        lambda s: s["$defs"]["Reason"]["enum"].append("unlucky"),
        "vpp-reason was",
    ),
}


@pytest.mark.parametrize(("name", "change", "line"), BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_a_reader_is_named(name: str, change: Change, line: str) -> None:
    new = copy.deepcopy(committed(name))
    change(new)

    assert any(one.startswith(line) for one in breaks(committed(name), new)), breaks(committed(name), new)


def test_a_field_that_may_be_absent_can_be_added() -> None:
    new = copy.deepcopy(committed("twin.updated"))
    new["$defs"]["TwinDevice"]["properties"]["temperature_c"] = {"anyOf": [{"type": "integer"}, {"type": "null"}]}

    assert breaks(committed("twin.updated"), new) == []


def test_an_input_may_stop_to_ask_for_a_field() -> None:
    new = copy.deepcopy(committed("telemetry.reported"))
    new["$defs"]["Reading"]["required"].remove("active_power_w")

    assert breaks(committed("telemetry.reported"), new, is_input=True) == []


def test_a_breaking_change_is_refused_says_how_to_move_to_v2_and_writes_nothing(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    held = committed("twin.updated")
    held["$defs"]["TwinUpdated"]["properties"]["mood"] = {"type": "string"}
    (tmp_path / f"twin.updated{SUFFIX}").write_text(json.dumps(held))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    with pytest.raises(GridtwinError, match=r"(?s)twin\.updated\.schema\.json: mood is gone.*\.v2"):
        write_schemas(tmp_path)

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def a_log() -> Log:
    """Say something of every kind: good, late, again, conflicting, bad, and then nothing."""
    log = Log()
    log.tick(NOON_MS)
    for minute in range(20):
        at_ms = NOON_MS + minute * MINUTE_MS
        log.say("home", "pack", at_ms, -10 * minute, state_of_charge_wh=100 + minute, reactive_power_var=-1)
        log.say("home", "roof", at_ms, -2, energy_export_wh=1)
    log.say("home", "roof", NOON_MS + 19 * MINUTE_MS, -20, arrived_ms=NOON_MS + 20 * MINUTE_MS)
    log.tick(NOON_MS + HOUR_MS)
    log.say("home", "roof", NOON_MS + 30_000, -1, arrived_ms=NOON_MS + HOUR_MS)
    log.say("nowhere", "roof", NOON_MS, 1)
    log.put(b"home", b'{"device":"\xff"}', NOON_MS + HOUR_MS)
    log.put(b"", b"{}", NOON_MS + HOUR_MS)
    log.put(b"home", json.dumps([{"device": "pack", "measured_at_ms": 1, "active_power_w": 1}, 2]).encode(), NOON_MS)
    log.tick(NOON_MS + 2 * HOUR_MS)
    return log


def everything_said() -> Iterator[tuple[str, bytes, Any, Any]]:
    """Yield topic, key, value and headers of all that both roles say of that log."""
    twin, rollup = TwinMachine(0, SETTINGS, Disk()), NodePartition(0, SETTINGS.rules(), Disk())
    twin.sites.learn_node("feeder", a_node("feeder"), 0)
    devices = [a_device("pack", kind="battery", capacity_wh=1000), a_device("roof", kind="pv")]
    twin.sites.learn_site("home", a_site("feeder", devices=devices), 0)
    contributed: list[Message] = []
    for turn, record in enumerate(a_log().records):
        twin.apply([record], settled=True)
        for topic, _, messages in twin.say(behind=False, checkpoint=True, now_s=100.0 * turn):
            for key, value, headers in messages:
                if topic == topics.CONTRIBUTED:
                    contributed.append(Message(len(contributed), 0, key, value))
                else:
                    yield topic, key or b"", value, headers
        rollup.apply(contributed)
        yield from ((topics.level_topic(one.level), one.key, one.value, ()) for one in rollup.say())


def test_everything_that_the_machines_say_is_what_the_schemas_say() -> None:
    faults: list[str] = []
    said: dict[str, list[Any]] = defaultdict(list)
    for topic, key, value, headers in everything_said():
        name = schema_name(topic, key)
        said[name].append(document(topic, value, headers))
        faults += [f"{name}: {error.message}" for error in validator(name).iter_errors(said[name][-1])]

    assert faults == []
    assert said.keys() == {one.name for one in RECORDS if not one.is_input}
    assert {one["status"] for one in said["aggregate.window"]} == {"provisional", "final", "corrected"}
    assert {one["status"] for one in said["aggregate.site"]} == {"final", "corrected"}
    assert {one["state"] for one in said["aggregate.live"]} >= {"complete", "stale", "empty"}
    assert {one["after"] for one in said["twin.transitioned"]} >= {"online", "delayed", "offline", "discharging"}
    assert {one["vpp-reason"] for one in said["telemetry.rejected.headers"]} >= {"malformed", "no_key", "too_late"}


@pytest.mark.parametrize("record", [one for one in RECORDS if not one.is_input], ids=lambda record: record.name)
def test_a_published_record_holds_no_field_that_its_schema_does_not_name(record: Any) -> None:
    strict = committed(record.name)
    for definition in strict["$defs"].values():
        if "properties" in definition:
            definition["additionalProperties"] = False

    for topic, key, value, headers in everything_said():
        if schema_name(topic, key) == record.name:
            assert list(Draft202012Validator(strict).iter_errors(document(topic, value, headers))) == []
