"""Settings: an invalid value stops the start and names the variable, what was seen and what is allowed."""

import pytest

from app.settings import SPECIFICATIONS, Settings, SettingsError, variable

INVALID = [
    ("VPP_BROKER", "", "host:port"),
    ("VPP_BROKER", "kafka", "host:port"),
    ("VPP_BROKER", "kafka:9092,", "host:port"),
    ("VPP_BROKER", "http://kafka:9092", "host:port"),
    ("VPP_PARTITIONS", "0", "an integer from 1 to 4096"),
    ("VPP_PARTITIONS", "8.0", "an integer from 1 to 4096"),
    ("VPP_PARTITIONS", "", "an integer from 1 to 4096"),
    ("VPP_GENERATION", "0", "an integer from 1 to 999"),
    ("VPP_GENERATION", "2", "what the process was started with"),
    ("VPP_REPLICATION_FACTOR", "0", "an integer from 1 to 7"),
    ("VPP_TELEMETRY_TIMESTAMPS", "Create", "append or create"),
    ("VPP_WINDOW_S", "59", "an integer from 60 to 3600"),
    ("VPP_WINDOW_S", "3601", "an integer from 60 to 3600"),
    ("VPP_GRACE_S", "-1", "an integer from 0 to 86400"),
    ("VPP_HORIZON_S", "3599", "an integer from 3600 to 3024000"),
    ("VPP_FUTURE_S", "10m", "an integer from 0 to 86400"),
    ("VPP_TICK_S", "0", "a number from 1 to 3600"),
    ("VPP_TICK_S", "nan", "a number from 1 to 3600"),
    ("VPP_ATTENDED_GAP_S", "inf", "a number from 0 to 86400"),
    ("VPP_FRESH_INTERVALS", "0", "an integer from 1 to 1000"),
    ("VPP_FRESH_INTERVALS_BY_KIND", "meter", "kind=intervals"),
    ("VPP_FRESH_INTERVALS_BY_KIND", "meter=0", "kind=intervals"),
    ("VPP_FRESH_INTERVALS_BY_KIND", "=3", "kind=intervals"),
    ("VPP_DELAYED_INTERVALS", "0", "an integer from 1 to 1000"),
    ("VPP_OFFLINE_INTERVALS", "10001", "an integer from 1 to 10000"),
    ("VPP_RECOVER_READINGS", "0", "an integer from 1 to 1000"),
    ("VPP_PLAUSIBLE_FACTOR", "-1", "an integer from 0 to 1000"),
    ("VPP_WINDOW_BLOCKS", "65537", "an integer from 1 to 65536"),
    ("VPP_CACHED_WINDOWS", "0", "an integer from 1 to 10000"),
    ("VPP_PUBLISH_CADENCE_S", "0", "a number from 0.01 to 3600"),
    ("VPP_LEVEL_CADENCE_S", "region", "level=seconds"),
    ("VPP_LEVEL_CADENCE_S", "region=nan", "level=seconds"),
    ("VPP_LEVEL_CADENCE_S", "region=-1", "level=seconds"),
    ("VPP_LEVEL_CADENCE_S", "=1", "level=seconds"),
    ("VPP_CHECKPOINT_CADENCE_S", "0.01", "a number from 0.05 to 3600"),
    ("VPP_PROVISIONAL_CADENCE_S", "-1", "a number from 0 to 86400"),
    ("VPP_TWIN_CADENCE_S", "-1", "a number from 0 to 86400"),
    ("VPP_TOPOLOGY_WAIT_S", "0", "a number from 0.1 to 600"),
    ("VPP_MEMBER_ID", "pod 1", "letters, digits, . _ -"),
    ("VPP_SESSION_TIMEOUT_S", "5", "a number from 6 to 1800"),
    ("VPP_HEARTBEAT_S", "0", "a number from 0.1 to 600"),
    ("VPP_FETCH_BYTES", "1", "an integer from 1024 to 1073741824"),
    ("VPP_QUEUE_BATCHES", "0", "an integer from 1 to 1024"),
    ("VPP_COMPRESSION", "brotli", "lz4 or zstd or snappy or gzip or none"),
    ("VPP_REQUEST_TIMEOUT_S", "0", "a number from 1 to 600"),
    ("VPP_LOG_LEVEL", "INFO", "debug or info or warning or error"),
    ("VPP_LOG_FORMAT", "xml", "auto or text or json"),
    ("VPP_PROFILE", "yes", "off or on"),
    ("VPP_BROKER_SECURITY", "ssl", "local or plaintext or tls or scram"),
    ("VPP_BROKER_CA_FILE", "missing.pem", "a file that can be read"),
    ("VPP_BROKER_CERTIFICATE_FILE", "missing.pem", "a file that can be read"),
    ("VPP_BROKER_KEY_FILE", "missing.pem", "a file that can be read"),
    ("VPP_BROKER_USER", "a b", "a name without spaces"),
    ("VPP_BROKER_PASSWORD_FILE", "missing", "a file that can be read"),
    ("VPP_BROKER_MECHANISM", "PLAIN", "SCRAM-SHA-512 or SCRAM-SHA-256"),
    ("VPP_WEB_HOST", "a b", "a host name or address"),
    ("VPP_READY_LAG", "-1", "an integer from 0 to 1000000000"),
    ("VPP_WEB_PORT", "65536", "an integer from 0 to 65535"),
    ("VPP_QUERY_HOST", "a b", "a host name or address"),
    ("VPP_QUERY_PORT", "-1", "an integer from 0 to 65535"),
    ("VPP_QUERY_RETENTION_DAYS", "0", "an integer from 1 to 3660"),
    ("VPP_QUERY_PAGE", "0", "an integer from 1 to 100000"),
    ("VPP_QUERY_WINDOWS", "0", "an integer from 1 to 10000000"),
    ("VPP_QUERY_DEPTH", "0", "an integer from 1 to 10000"),
    ("VPP_QUERY_CONNECTIONS", "0", "an integer from 1 to 1000000"),
    ("VPP_QUERY_STREAMS", "-1", "an integer from 0 to 100000"),
    ("VPP_QUERY_STREAMS_PER_CLIENT", "0", "an integer from 1 to 100000"),
    ("VPP_QUERY_EVENTS", "99", "an integer from 100 to 10000000"),
    ("VPP_QUERY_CORS", "a b", "origins, separated by commas"),
]

CONFLICTS = [
    ({"VPP_BROKER": "kafka:9092"}, "VPP_BROKER_SECURITY is local; allowed: tls or scram, or plaintext if all may read"),
    ({"VPP_BROKER_CA_FILE": __file__}, "VPP_BROKER_SECURITY is local; allowed: tls or scram, as there are files"),
    ({"VPP_BROKER_USER": "one"}, "VPP_BROKER_SECURITY is local; allowed: scram, as there is a user"),
    ({"VPP_BROKER_SECURITY": "tls", "VPP_BROKER_USER": "one"}, "VPP_BROKER_SECURITY is tls; allowed: scram, as"),
    ({"VPP_BROKER_SECURITY": "scram", "VPP_BROKER_USER": "one"}, "allowed: with VPP_BROKER_USER and VPP_BROKER_PASSWO"),
    ({"VPP_BROKER_SECURITY": "tls", "VPP_BROKER_KEY_FILE": __file__}, "allowed: both or none"),
    ({"VPP_HEARTBEAT_S": "4", "VPP_SESSION_TIMEOUT_S": "10"}, "VPP_HEARTBEAT_S is 4; allowed: at most a third"),
    ({"VPP_SESSION_TIMEOUT_S": "31"}, "VPP_REQUEST_TIMEOUT_S is 30; allowed: at least VPP_SESSION_TIMEOUT_S (31)"),
    ({"VPP_GRACE_S": "3600", "VPP_HORIZON_S": "3600"}, "VPP_GRACE_S is 3600; allowed: less than VPP_HORIZON_S (3600)"),
    (
        {"VPP_DELAYED_INTERVALS": "5", "VPP_OFFLINE_INTERVALS": "4"},
        "VPP_OFFLINE_INTERVALS is 4; allowed: at least VPP_DELAYED_INTERVALS (5)",
    ),
    ({"VPP_PUBLISH_CADENCE_S": "11"}, "VPP_PUBLISH_CADENCE_S is 11; allowed: at most VPP_ATTENDED_GAP_S (10)"),
    (
        {"VPP_ATTENDED_GAP_S": "20", "VPP_PUBLISH_CADENCE_S": "21"},
        "VPP_PUBLISH_CADENCE_S is 21; allowed: at most VPP_ATTENDED_GAP_S (20)",
    ),
]


@pytest.mark.parametrize(("name", "seen", "allowed"), INVALID)
def test_an_invalid_value_names_the_variable_what_was_seen_and_what_is_allowed(name, seen, allowed):
    with pytest.raises(SettingsError) as refused:
        Settings.load({name: seen})

    assert str(refused.value).startswith(f"{name} is {seen!r}; allowed: ")
    assert allowed in str(refused.value)


def test_every_setting_that_can_be_wrong_is_tried_above():
    assert {name for name, _, _ in INVALID} == {variable(name) for name in SPECIFICATIONS} - {"VPP_DATA_DIR"}


def test_every_fault_is_named_not_just_the_first():
    with pytest.raises(SettingsError) as refused:
        Settings.load({"VPP_PARTITIONS": "0", "VPP_WINDOW_S": "1", "VPP_WINDOWS": "1"})

    assert [name in str(refused.value) for name in ("VPP_PARTITIONS", "VPP_WINDOW_S", "VPP_WINDOWS")] == [True] * 3


@pytest.mark.parametrize(("environ", "sentence"), CONFLICTS)
def test_values_that_contradict_each_other_are_refused(environ, sentence):
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ)

    assert sentence in str(refused.value)


def test_an_unknown_variable_of_ours_is_refused():
    with pytest.raises(SettingsError, match="VPP_PARTITION is not a setting"):
        Settings.load({"VPP_PARTITION": "8"})


def test_variables_of_others_are_none_of_our_business():
    assert Settings.load({"KAFKA_HEAP_OPTS": "x", "PATH": "y"}) == Settings.load({})


def test_every_setting_has_a_meaning_and_says_what_is_allowed():
    assert [name for name, spec in SPECIFICATIONS.items() if not (spec.meaning and spec.allowed)] == []
    assert set(SPECIFICATIONS) == set(Settings.__struct_fields__)


def test_the_defaults_are_those_of_the_contract():
    rules = Settings.load({}).rules()

    assert (rules.partitions, rules.window_ms, rules.grace_ms) == (8, 900_000, 120_000)
    assert (rules.horizon_ms, rules.future_ms, rules.tick_ms) == (86_400_000, 600_000, 1_000)
    assert (rules.attended_gap_ms, rules.fresh_intervals, rules.plausible_factor) == (10_000, 3, 3)


@pytest.mark.parametrize(
    ("environ", "tick_ms", "gap_ms"),
    [
        ({"VPP_TICK_S": "20"}, 20_000, 200_000),
        ({"VPP_TICK_S": "1.5"}, 1_500, 15_000),
        ({"VPP_TICK_S": "20", "VPP_ATTENDED_GAP_S": "100"}, 20_000, 100_000),
        ({"VPP_ATTENDED_GAP_S": "0.4", "VPP_PUBLISH_CADENCE_S": "0.4"}, 1_000, 400),
    ],
)
def test_the_attended_gap_is_ten_ticks_unless_it_is_given(environ, tick_ms, gap_ms):
    rules = Settings.load(environ).rules()

    assert (rules.tick_ms, rules.attended_gap_ms) == (tick_ms, gap_ms)


def test_lists_by_word_are_read():
    settings = Settings.load({"VPP_LEVEL_CADENCE_S": "region=10, fleet=0.5", "VPP_FRESH_INTERVALS_BY_KIND": "meter=20"})

    assert settings.level_cadence_s == {"region": 10, "fleet": 0.5}
    assert settings.rules().fresh_intervals_of("meter") == 20


def test_a_level_may_hold_an_equals_sign():
    assert Settings.load({"VPP_LEVEL_CADENCE_S": "a=b=2"}).level_cadence_s == {"a=b": 2}


def test_several_brokers_are_given_with_commas():
    given = {"VPP_BROKER": "kafka-1:9092,10.0.0.2:9093", "VPP_BROKER_SECURITY": "tls"}

    assert Settings.load(given).broker == "kafka-1:9092,10.0.0.2:9093"


def test_each_role_keeps_its_state_in_a_directory_of_its_own():
    settings = Settings.load({"VPP_DATA_DIR": "disk"})

    assert str(settings.state_dir("twin")) == "disk/twin"
    assert settings.state_dir("rollup") != settings.state_dir("twin")
