"""Devices that no rule can count are left out of what the machines learn."""

from __future__ import annotations

import msgspec
import pytest

from app.domain.topology_faults import usable
from tests.builders import a_device, a_site

GOOD = a_device("meter")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reporting_interval_s", 0),
        ("reporting_interval_s", -1),
        ("reporting_interval_s", 10**15),
        ("rated_power_w", -1),
        ("rated_power_w", 10**10 + 1),
        ("usable_capacity_wh", -1),
        ("usable_capacity_wh", 2**53 + 1),
        ("kind", "all"),
        ("kind", ""),
        ("device", ""),
        ("valid_to_ms", 0),
    ],
)
def test_a_device_with_a_number_or_word_beyond_any_sense_is_left_out(name: str, value: object) -> None:
    bad = msgspec.structs.replace(a_device("other"), **{name: value})

    assert usable(a_site("street", devices=[bad, GOOD])).devices == (GOOD,)


def test_a_site_without_faults_stays_what_it_is() -> None:
    largest = msgspec.structs.replace(
        a_device("battery", rated_w=10**10, capacity_wh=2**53), reporting_interval_s=86_400
    )
    site = a_site("street", devices=[GOOD, largest])

    assert usable(site) is site
