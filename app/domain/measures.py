"""What devices of one kind add up to in one window, as numbers that can be added to and taken from."""

from __future__ import annotations

from app.domain.contracts import KindTotals, WindowKind
from app.domain.units import Joules, Seconds, Watts


class Measures:
    """The fields of `KindTotals`; sums of them, or what one device contributes."""

    __slots__ = (
        "covered_device_s",
        "devices_expected",
        "devices_reporting",
        "energy_export_j",
        "energy_import_j",
        "expected_device_s",
        "mean_power_w",
        "readings",
        "sum_w",
    )

    def __init__(self) -> None:
        self.readings = 0
        self.sum_w = Watts(0)
        self.mean_power_w = Watts(0)
        self.energy_import_j = Joules(0)
        self.energy_export_j = Joules(0)
        self.devices_expected = 0
        self.devices_reporting = 0
        self.covered_device_s = Seconds(0)
        self.expected_device_s = Seconds(0)

    def add(self, other: Measures) -> None:
        """Add those of some other devices."""
        self.readings += other.readings
        self.sum_w = self.sum_w + other.sum_w
        self.mean_power_w = self.mean_power_w + other.mean_power_w
        self.energy_import_j = self.energy_import_j + other.energy_import_j
        self.energy_export_j = self.energy_export_j + other.energy_export_j
        self.devices_expected += other.devices_expected
        self.devices_reporting += other.devices_reporting
        self.covered_device_s = self.covered_device_s + other.covered_device_s
        self.expected_device_s = self.expected_device_s + other.expected_device_s

    def subtract(self, other: Measures) -> None:
        """Take away what some devices had contributed."""
        self.readings -= other.readings
        self.sum_w = self.sum_w - other.sum_w
        self.mean_power_w = self.mean_power_w - other.mean_power_w
        self.energy_import_j = self.energy_import_j - other.energy_import_j
        self.energy_export_j = self.energy_export_j - other.energy_export_j
        self.devices_expected -= other.devices_expected
        self.devices_reporting -= other.devices_reporting
        self.covered_device_s = self.covered_device_s - other.covered_device_s
        self.expected_device_s = self.expected_device_s - other.expected_device_s

    def expect(self, devices: int, seconds: int) -> None:
        """Add what is expected of devices, heard or not."""
        self.devices_expected += devices
        self.expected_device_s = self.expected_device_s + Seconds(seconds)

    def contributed(self) -> KindTotals:
        """Return them as they are contributed."""
        return KindTotals(
            self.readings,
            self.sum_w,
            self.mean_power_w,
            self.energy_import_j,
            self.energy_export_j,
            self.devices_expected,
            self.devices_reporting,
            self.covered_device_s,
            self.expected_device_s,
        )

    def published(self, devices: int = 0, seconds: int = 0) -> WindowKind:
        """Return them as they are published, with what is expected of devices besides."""
        return WindowKind(
            self.readings,
            self.sum_w,
            self.mean_power_w,
            self.energy_import_j,
            self.energy_export_j,
            self.devices_expected + devices,
            self.devices_reporting,
            self.covered_device_s,
            self.expected_device_s + Seconds(seconds),
        )


def add_to(kinds: dict[str, Measures], kind: str, measures: Measures) -> None:
    """Add measures to those of their kind."""
    held = kinds.get(kind)
    if held is None:
        held = kinds[kind] = Measures()
    held.add(measures)


def with_expected(heard: dict[str, Measures], expected: dict[str, list[int]]) -> dict[str, Measures]:
    """Return measures of their own that hold what was heard and what was expected, [devices, seconds] by kind."""
    merged: dict[str, Measures] = {}
    for kind, measures in heard.items():
        add_to(merged, kind, measures)
    for kind, (devices, seconds) in expected.items():
        if kind not in merged:
            merged[kind] = Measures()
        merged[kind].expect(devices, seconds)
    return merged
