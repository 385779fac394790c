"""Names and units of the records of sites as they are published; those of nodes are in test_rollup_aggregates."""

from app.domain.contracts import Reason
from tests.builders import NOON_MS, Log, a_village, hear

DEVICE_NAMES = """
    device kind operation measured_at_ms heard_at_ms active_power_w reactive_power_var state_of_charge_wh
    energy_import_wh energy_export_wh clock_skew_s
"""
SITE_WINDOW_NAMES = """
    schema node level window_start_ms window_s revision status state kinds state_of_charge_wh oldest_measured_at_ms
    newest_measured_at_ms
"""
REASONS = """
    malformed duplicate_key missing_field wrong_type empty too_many_readings too_large no_key unknown_site
    unknown_device foreign_device wrong_partition too_late future out_of_range internal_error
"""


def said():
    machine, log = a_village(), Log()
    log.say("a", "load-a", NOON_MS, 1)
    log.tick(NOON_MS + 1_020_000)
    return hear(machine, log, twins=True)


def test_a_twin():
    twin = said().twins["a"]

    names = "schema site revision as_of_ms connectivity heard_at_ms quarantined devices readings clock_skew_s"
    assert " ".join(twin) == names
    assert list(twin["devices"][0]) == DEVICE_NAMES.split()
    assert " ".join(twin["readings"]) == "applied duplicate conflicting"
    assert twin["schema"] == 1


def test_a_window_of_a_site():
    window = said().site_windows[f"a|{NOON_MS}"]

    assert list(window) == SITE_WINDOW_NAMES.split()
    assert (window["schema"], window["node"], window["level"], window["window_s"]) == (1, "a", "site", 900)


def test_a_transition():
    transition = said().transitions[0]

    assert " ".join(transition) == "schema site device machine before after cause at_ms sequence revision"
    assert transition["schema"] == 1


def test_the_reasons_of_rejections_are_a_closed_list():
    assert [reason.value for reason in Reason] == REASONS.split()
