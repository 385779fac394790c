"""Every topic with its partitions, clean-up, retention, clock and largest message."""

import re

import pytest

from app.errors import GridtwinError
from app.settings import Settings
from app.topics import all_topics, level_topic

DAY = 86_400_000
MB = 1 << 20
KEPT = 2**63 - 1

TABLE = {
    "vpp.telemetry.reported.v1": (4, "delete", 7 * DAY, "LogAppendTime", 4 * MB),
    "vpp.topology.site.v1": (4, "compact", None, "LogAppendTime", MB),
    "vpp.topology.node.v1": (1, "compact", None, "LogAppendTime", MB),
    "vpp.rollup.contributed.v1": (4, "delete", 3 * DAY, "LogAppendTime", MB),
    "vpp.aggregate.feeder.v1": (4, "compact,delete", 35 * DAY, "LogAppendTime", MB),
    "vpp.aggregate.site.v1": (4, "delete", 7 * DAY, "LogAppendTime", MB),
    "vpp.twin.updated.v1": (4, "compact", None, "LogAppendTime", MB),
    "vpp.twin.transitioned.v1": (4, "delete", 35 * DAY, "LogAppendTime", MB),
    "vpp.telemetry.rejected.v1": (4, "delete", 35 * DAY, "LogAppendTime", 5 * MB),
    "vpp.telemetry.replayed.v1": (4, "delete", 35 * DAY, "LogAppendTime", MB),
    "vpp-twin-site-twin-changelog": (4, "compact", None, "CreateTime", MB),
    "vpp-twin-site-window-changelog": (4, "compact,delete", 4 * DAY, "CreateTime", MB),
    "vpp-rollup-node-slots-changelog": (4, "compact", None, "CreateTime", MB),
}


def topics(*levels: str, **environ: str):
    settings = Settings.load({"VPP_PARTITIONS": "4"} | environ)
    return {topic.name: topic for topic in all_topics(levels or ["feeder"], settings)}


def test_the_topics_are_those_of_the_table_and_no_others():
    assert set(topics()) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_topic_has_its_partitions_clean_up_retention_and_clock(name):
    partitions, cleanup, retention_ms, clock, _ = TABLE[name]
    topic = topics()[name]

    assert topic.partitions == partitions
    assert topic.config["cleanup.policy"] == cleanup
    assert topic.config.get("retention.ms") == (None if retention_ms is None else str(retention_ms))
    assert topic.config["message.timestamp.type"] == clock


@pytest.mark.parametrize("name", TABLE)
def test_the_largest_message_fits_with_what_its_batch_adds(name):
    limit = int(topics()[name].config["max.message.bytes"])

    assert TABLE[name][4] < limit <= TABLE[name][4] + 4_096


def test_telemetry_of_a_replay_is_kept_whatever_its_timestamps_say():
    config = topics(VPP_TELEMETRY_TIMESTAMPS="create")["vpp.telemetry.reported.v1"].config

    assert (config["message.timestamp.type"], config["retention.ms"]) == ("CreateTime", "-1")
    assert config["message.timestamp.before.max.ms"] == config["message.timestamp.after.max.ms"] == str(KEPT)


def test_changelogs_take_rows_of_a_worker_whose_clock_is_hours_off():
    configs = [spec.config for name, spec in topics().items() if name.endswith("-changelog")]

    assert [config["message.timestamp.after.max.ms"] for config in configs] == [str(2**63 - 1)] * 3


def test_the_compaction_of_changelogs_is_bounded_and_waits_for_stale_writers():
    for name, topic in topics().items():
        if name.endswith("-changelog"):
            assert 0 < int(topic.config["max.compaction.lag.ms"]) <= 3_600_000
        if name.endswith("-changelog") or name == "vpp.aggregate.feeder.v1":
            assert int(topic.config["min.compaction.lag.ms"]) >= 60_000


def test_closed_windows_outlive_the_horizon():
    windows = topics(VPP_HORIZON_S=str(20 * 86_400))["vpp-twin-site-window-changelog"].config

    assert int(windows["retention.ms"]) > 20 * DAY


def test_every_level_has_a_topic():
    assert {"vpp.aggregate.feeder.v1", "vpp.aggregate.region.v1"} <= set(topics("feeder", "region"))


def test_the_replication_factor_is_that_of_every_topic():
    assert {topic.replication_factor for topic in topics(VPP_REPLICATION_FACTOR="3").values()} == {3}


@pytest.mark.parametrize("level", ["Ortsnetz Süd", "地区", "a/b|c", "a.b", "", "site", "x" * 300])
def test_a_level_of_any_language_makes_a_name_that_kafka_takes_or_is_refused(level):
    if level in ("", "site") or len(level) == 300:
        with pytest.raises(GridtwinError):
            level_topic(level)
    else:
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,249}", level_topic(level))


def test_different_levels_have_different_topics():
    levels = ["a.b", "a_b", "a-b", "a b", "ab", "é", "e", "A", "a", ".x41", "x41", "a.x62"]

    assert len({level_topic(level) for level in levels}) == len(levels)


def test_the_level_of_sites_is_reserved():
    with pytest.raises(GridtwinError, match="'site' is not a level that a node may have: it is reserved"):
        topics("feeder", "site")
