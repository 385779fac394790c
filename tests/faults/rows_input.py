"""Rows in which what comes in is repeated, poisoned, or stamped by clocks that are wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from app import topics
from app.kafka.clients import BatchPublisher, partition_of
from tests.faults.case import newest
from tests.faults.evidence import Evidence, read_log, read_topics
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial
from tests.faults.truth import rules_of
from tests.system.offsets import committed, end
from tests.system.plant import until
from tests.system.test_poison import Poison, choose, poison
from tests.system.wire import publish

DAY_MS = 86_400_000
NUMBERS = (
    "NaN", "Infinity", "1e308", "text as a number", "true as a number", "null as a number",
    "an integer of 10,000 digits", "more than 3 times its rated power", "a negative state of charge",
)  # fmt: skip
SPOOFED = ("an unknown site", "an unknown device", "a device of a site beside it", "a device of a site elsewhere",
           "a wrong partition", "no key", "an empty key")  # fmt: skip
HUGE = ("4 MB and 1 byte", "an array of 1,001", "10,000 deep")
CLOCKS = ("too late", "in the future", "1970", "2100", "seconds for milliseconds")
CHUNK = 250
SKEWS_MS = (-2 * 3_600_000, -3_600_000, -90_000, 300_000, 599_000, 601_000, 3_600_000, 2 * 3_600_000, -25 * 3_600_000)
"""Behind and ahead, an hour being what daylight saving does to a clock that shows local time."""


def log_again(trial: Trial, count: int) -> None:
    """Publish the whole log again; nothing that was published before may change."""
    trial.wait(25.0)
    trial.load.end()
    log = asyncio.run(read_log(trial.plant.settings.broker, trial.plant.settings.partitions))
    _until_idle(trial)
    before = _published(trial)
    for _ in range(count):
        with trial.fault("whole log again"):
            asyncio.run(_publish_log(trial.plant.settings.broker, log))
            _until_idle(trial)
    after = _published(trial)
    trial.extra["changed"] = sum(before[key]["kinds"] != after.get(key, {}).get("kinds") for key in before)
    assert not trial.extra["changed"], "a log that came again changed what was published"


async def _publish_log(broker: str, log: dict[int, list[Any]]) -> None:
    async with BatchPublisher(broker) as publisher:
        for partition, records in log.items():
            for start in range(0, len(records), 1_000):
                messages = [(one.key, one.value, (), one.timestamp) for one in records[start : start + 1_000]]
                await publisher.publish(topics.TELEMETRY, partition, messages)


def _published(trial: Trial) -> dict[tuple[str, int], dict[str, Any]]:
    evidence = Evidence(rules_of(trial.plant.settings), trial.topology, {})
    asyncio.run(read_topics(trial.plant.settings.broker, trial.plant.dataset.meta.levels, evidence))
    return newest([*evidence.levels, *evidence.sites])


def _until_idle(trial: Trial) -> None:
    for role in ("twin", "rollup"):
        until(lambda role=role: committed(trial.plant, role) == end(trial.plant, role), f"{role} to be idle")  # type: ignore[misc]
    trial.wait(2.0)


def poison_of(kinds: tuple[str, ...] | None) -> Any:
    """Return a nemesis that sends bad records of some kinds, all but the others' by default."""

    def send(trial: Trial, count: int) -> None:
        bad = poison(choose(trial.plant))
        chosen = kinds or tuple(sorted(bad.keys() - {*NUMBERS, *SPOOFED, *HUGE, *CLOCKS}))
        began = trial.load.records
        while trial.faults < count:
            names = [trial.chance.choice(chosen) for _ in range(min(CHUNK, count - trial.faults))]
            with trial.fault("bad records", count=len(names), is_timed=False):
                _send(trial, [bad[name] for name in names])
        trial.until_loaded(began)

    return send


def send_bad(trial: Trial, count: int) -> None:
    """Send bad records of every kind but the largest."""
    bad = poison(choose(trial.plant))
    _send(trial, [bad[trial.chance.choice(sorted(bad.keys() - {*HUGE}))] for _ in range(count)])


def _send(trial: Trial, bad: list[Poison]) -> None:
    places = publish(trial.plant, [one.record for one in bad])
    for place, one in zip(places, bad, strict=True):
        trial.predicted[place.partition, place.offset] = str(one.reason)


def site_clocks(trial: Trial, count: int) -> None:
    """Sites whose clocks run ahead, behind, by an hour, from 1970 or 2100, or in seconds, among the others."""
    sites = sorted(trial.topology["sites"].items())[::3]
    while trial.faults < count:
        with trial.fault("site clocks", count=CHUNK * 4, is_timed=False):
            records = [_skewed(trial, *trial.chance.choice(sites)) for _ in range(CHUNK * 4)]
            asyncio.run(_publish_skewed(trial, records))


def _skewed(trial: Trial, site: str, record: dict[str, Any]) -> tuple[bytes, bytes, int]:
    now_ms = trial.load.at_ms
    device, spec = trial.chance.choice(sorted(record["devices"].items()))
    skewed = (now_ms + trial.chance.choice(SKEWS_MS) - trial.chance.randrange(60_000), 0, 4_102_444_800_000,
              now_ms // 1000, now_ms - DAY_MS - 1)  # fmt: skip
    measured_ms = trial.chance.choice((skewed[0],) * 8 + skewed)
    power_w = trial.chance.randint(-spec["rated"], spec["rated"])
    value = {"device": device, "measured_at_ms": measured_ms, "active_power_w": power_w}
    return site.encode(), json.dumps(value).encode(), now_ms


async def _publish_skewed(trial: Trial, records: list[tuple[bytes, bytes, int]]) -> None:
    settings = trial.plant.settings
    homes: dict[int, list[Any]] = {}
    for key, value, now_ms in records:
        homes.setdefault(partition_of(key, settings.partitions), []).append((key, value, (), now_ms))
    async with BatchPublisher(settings.broker) as publisher:
        for home, messages in homes.items():
            await publisher.publish(topics.TELEMETRY, home, messages)


ROWS = {
    "F16": Row("site clocks: drift, an hour, 1970, 2100, seconds", site_clocks, Layout(), 1_000_000, 100_000, 100_000),
    "F17": Row("whole log again, three times, with duplicates, disorder and late readings", log_again,
               Layout(shares=(0.3, 0.3, 0.05, 0.0)), 3, 3, 3),
    "F18": Row("poison of every other kind", poison_of(None), Layout(settings={"topology_wait_s": 0.5}),
               100_000, 10_000, 10_000),
    "F19": Row("huge records", poison_of(HUGE), Layout(), 1_000, 200, 200),
    "F20": Row("not numbers, or beyond any", poison_of(NUMBERS), Layout(), 100_000, 10_000, 10_000),
    "F21": Row("spoofed: foreign, unknown, wrong partition", poison_of(SPOOFED),
               Layout(settings={"topology_wait_s": 0.5}), 100_000, 10_000, 10_000),
}  # fmt: skip
