"""Rows in which topics refuse what is written, or are not what they were."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from app import topics
from app.errors import GridtwinError
from app.kafka.admin import admin, create_topics
from app.kafka.clients import end_offsets
from app.topics import TopicSpec, all_topics
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.rows_input import send_bad
from tests.faults.trial import Trial
from tests.system.plant import until

REFUSED_S = 4.0
REFUSING = {"max.message.bytes": "60"}
CHANGELOGS = (topics.TWIN_CHANGELOG, topics.WINDOW_CHANGELOG, topics.NODE_CHANGELOG)
CLEANED = {
    "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "min.compaction.lag.ms": "0", "delete.retention.ms": "0",
    "max.compaction.lag.ms": "1",
}  # fmt: skip
REFUSED_WORDS = ("made again", "begins at offset")


def outputs_refuse(trial: Trial, count: int) -> None:
    """Let a topic that workers write to refuse everything for a while."""
    level = topics.level_topic(trial.plant.dataset.meta.levels[0])
    outputs = (topics.REJECTED, level, topics.AGGREGATE_SITE, topics.TWIN_UPDATED, topics.CONTRIBUTED)
    while trial.faults < count:
        topic = outputs[trial.faults % len(outputs)]
        with trial.fault(f"{topic} refuses"):
            asyncio.run(_configure(trial, topic, REFUSING))
            send_bad(trial, 20)
            trial.wait(REFUSED_S)
            asyncio.run(_configure(trial, topic, {}))


def changelogs(trial: Trial, count: int) -> None:
    """Compact changelogs hard; take them away with the disks, and from under a disk; empty the head of one."""
    acts = (_compacted, _gone_with_disks, _gone_under_disks, _head_emptied)
    while trial.faults < count:
        trial.wait(5.0)
        act = acts[trial.faults % len(acts)]
        with trial.fault(act.__name__.strip("_").replace("_", " ")):
            act(trial)


def _compacted(trial: Trial) -> None:
    for topic in CHANGELOGS:
        asyncio.run(_configure(trial, topic, CLEANED))
    trial.wait(20.0)
    with trial.down(*trial.layout.names):
        _wipe(trial)
    trial.time_from_here()
    trial.until_well(trial.layout.names)
    for topic in CHANGELOGS:
        asyncio.run(_configure(trial, topic, {}))


def _gone_with_disks(trial: Trial) -> None:
    with trial.down(*trial.layout.names):
        _wipe(trial)
        asyncio.run(_make_again(trial, CHANGELOGS))
    trial.time_from_here()


def _gone_under_disks(trial: Trial) -> None:
    """The disks know more than the changelogs: a worker has to refuse, until both applications are reset."""
    with trial.down(*trial.layout.names):
        asyncio.run(_make_again(trial, CHANGELOGS))
    _until_refused(trial)
    _gone_with_disks(trial)


def _head_emptied(trial: Trial) -> None:
    """Rows were deleted that the tables need: what is left must not pass for all, until both are reset."""
    with trial.down(*trial.layout.names):
        _wipe(trial)
        asyncio.run(_empty_head(trial, topics.TWIN_CHANGELOG))
        asyncio.run(_empty_head(trial, topics.NODE_CHANGELOG))
    _until_refused(trial)
    _gone_with_disks(trial)


def _until_refused(trial: Trial) -> None:
    before = trial.refusals(REFUSED_WORDS)
    until(lambda: trial.refusals(REFUSED_WORDS) >= before + 2, "workers to refuse")
    trial.extra["refusals"] = trial.refusals(REFUSED_WORDS)


def _wipe(trial: Trial) -> None:
    for name in trial.layout.names:
        trial.worker(name).kill(wipe=True)


def _specs(trial: Trial) -> dict[str, TopicSpec]:
    wanted = all_topics(trial.plant.dataset.meta.levels, trial.plant.settings)
    return {spec.name: spec for spec in wanted}


async def _configure(trial: Trial, topic: str, changes: Mapping[str, str]) -> None:
    """Give a topic the settings that it has to have, some of them changed."""
    config = {**_specs(trial)[topic].config, **changes}
    async with admin(trial.plant.settings.broker) as client:
        answers: Any = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
        assert all(one[0] == 0 for answer in answers for one in answer.resources), answers


async def _make_again(trial: Trial, names: Iterable[str]) -> None:
    async with admin(trial.plant.settings.broker) as client:
        await client.delete_topics(list(names))
    specs = [_specs(trial)[name] for name in names]
    for _ in range(60):
        try:
            if not await create_topics(trial.plant.settings.broker, specs):
                return
        except GridtwinError as error:
            trial.journal.note("topics not made yet", why=str(error)[:100])
        await asyncio.sleep(0.5)
    raise AssertionError("the topics could not be made again")


async def _empty_head(trial: Trial, topic: str) -> None:
    """Delete the older half of every partition, which Kafka permits while a topic is not only compacted."""
    broker = trial.plant.settings.broker
    await _configure(trial, topic, {"cleanup.policy": "compact,delete"})
    ends = await end_offsets(broker, topic)
    async with admin(broker) as client:
        halves = {TopicPartition(topic, at): RecordsToDelete(before_offset=end // 2) for at, end in ends.items()}
        await client.delete_records(halves)
    await _configure(trial, topic, {})


ROWS = {
    "F26": Row("changelog compacted, gone with the disks, gone under them, its head emptied", changelogs,
               Layout(), 80, 12, 12, "`refusals`: workers that refused to start until the applications were reset"),
    "F27": Row("output or rejected topic refuses what is written", outputs_refuse,
               Layout(settings={"topology_wait_s": 0.5}), 20, 5, 10),
}  # fmt: skip
