"""Operation of devices as transitions of the twin."""

import pytest

from tests.builders import NOON_MS, Disk, Log, a_device, a_node, a_partition, a_site, hear, some_rules

SITE = {
    "n": a_node("feeder"),
    "s": a_site(
        "n",
        devices=[a_device("battery", kind="battery", capacity_wh=100), a_device("toaster", kind="toaster")],
    ),
}


def after(*powers_w: int, device: str = "battery", **more: int):
    machine, log = a_partition(some_rules(), Disk(), SITE), Log()
    for minute, power_w in enumerate(powers_w):
        log.say("s", device, NOON_MS + minute * 60_000, power_w, **more)
    return hear(machine, log, twins=True)


def operations(heard) -> dict[str, str | None]:
    return {one["device"]: one["operation"] for one in heard.twins["s"]["devices"]}


def test_the_first_reading_takes_a_device_out_of_unknown():
    heard = after(5_000)

    assert heard.steps("operation") == [("unknown", "charging", NOON_MS)]
    assert [one["device"] for one in heard.transitions if one["machine"] == "operation"] == ["battery"]


def test_only_a_change_is_a_transition():
    assert [step[:2] for step in after(5_000, 4_000, -5_000, -4_000, 0).steps("operation")] == [
        ("unknown", "charging"),
        ("charging", "discharging"),
        ("discharging", "idle"),
    ]


@pytest.mark.parametrize(("soc_wh", "state"), [(0, "empty"), (50, "idle"), (100, "full")])
def test_at_rest_the_state_of_charge_decides(soc_wh, state):
    assert operations(after(0, state_of_charge_wh=soc_wh))["battery"] == state


def test_a_kind_that_nobody_knows_has_no_operation_and_makes_no_transition():
    heard = after(5_000, device="toaster")

    assert heard.steps("operation") == []
    assert operations(heard)["toaster"] is None


def test_a_reading_older_than_the_twin_changes_no_operation():
    machine, log = a_partition(some_rules(), Disk(), SITE), Log()
    log.say("s", "battery", NOON_MS + 60_000, 5_000)
    log.say("s", "battery", NOON_MS, -5_000, arrived_ms=NOON_MS + 60_000)

    assert hear(machine, log).steps("operation") == [("unknown", "charging", NOON_MS + 60_000)]
