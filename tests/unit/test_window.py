"""What one site comes to in one window, whichever of its devices were heard."""

from __future__ import annotations

import pytest

from app.domain.contracts import DeviceRecord
from app.domain.entry import Entry
from app.domain.membership import Membership
from app.domain.site import Site
from app.domain.units import Milliseconds, Watts
from app.domain.window import Window
from tests.builders import a_device, a_site, some_rules

START_MS = Milliseconds(1_764_000_000_000)
AFTER_START_MS = int(START_MS) + 1
Numbers = tuple[int, int, int, int]
"""Readings, devices reporting, devices expected, seconds expected of them."""

LOAD, OTHER_LOAD, PV = a_device("load"), a_device("other"), a_device("pv", kind="pv")
LATER_LOAD, LATER_PV = a_device("load", from_ms=AFTER_START_MS), a_device("pv", kind="pv", from_ms=AFTER_START_MS)
"""Not expected of a window that began before them."""


@pytest.mark.parametrize(
    ("devices", "heard", "by_kind"),
    [
        ([LOAD], ["load"], {"load": (1, 1, 1, 900)}),
        ([LOAD, OTHER_LOAD], ["load"], {"load": (1, 1, 2, 1800)}),
        ([LOAD, OTHER_LOAD], ["load", "other"], {"load": (2, 2, 2, 1800)}),
        ([LOAD, PV], ["load"], {"load": (1, 1, 1, 900), "pv": (0, 0, 1, 900)}),
        ([LOAD, PV], ["load", "pv"], {"load": (1, 1, 1, 900), "pv": (1, 1, 1, 900)}),
        ([LATER_LOAD], ["load"], {"load": (1, 1, 1, 900)}),
        ([LATER_LOAD, OTHER_LOAD], ["load"], {"load": (1, 1, 2, 1800)}),
        ([LATER_LOAD, PV], ["load"], {"load": (1, 1, 1, 900), "pv": (0, 0, 1, 900)}),
        ([LOAD, LATER_PV], ["load"], {"load": (1, 1, 1, 900)}),
        ([LOAD, LATER_PV], ["pv"], {"load": (0, 0, 1, 900), "pv": (1, 1, 1, 900)}),
    ],
)
def test_a_site_comes_to_what_it_heard_and_what_was_expected(
    devices: list[DeviceRecord], heard: list[str], by_kind: dict[str, Numbers]
) -> None:
    found = kinds_of(devices, heard)
    in_all = tuple(map(sum, zip(*by_kind.values(), strict=True)))
    assert found == {"all": in_all, **by_kind}


def test_of_an_entry_that_changed_after_its_window_was_said_not_what_was_said_counts() -> None:
    window, site, (entry,) = heard_once([LOAD], ["load"])
    window.mark_unadded(entry)
    window.settle(is_closed=True)
    assert entry.added is not None
    window.keep(entry)
    entry.add(Milliseconds(START_MS + 1000), Watts(300), None)
    window.mark(entry)

    one = window.site_kinds(site, [entry])["load"]
    assert (one.readings, one.mean_power_w) == (2, 200)


def kinds_of(devices: list[DeviceRecord], heard: list[str]) -> dict[str, Numbers]:
    window, site, entries = heard_once(devices, heard)
    return {
        kind: (one.readings, one.devices_reporting, one.devices_expected, one.expected_device_s)
        for kind, one in window.site_kinds(site, entries).items()
    }


def heard_once(devices: list[DeviceRecord], heard: list[str]) -> tuple[Window, Site, list[Entry]]:
    rules, site = some_rules(), Site("s")
    site.describe(a_site("top", devices=devices), rules)
    window = Window(START_MS, Membership(START_MS, [site], lambda *_: ("top",), rules))
    entries = [one.begin(START_MS) for name in heard if (one := site.device(name)) is not None]
    assert all(entry.add(START_MS, Watts(100), None) for entry in entries)
    return window, site, entries
