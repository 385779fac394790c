"""Rows of the truth; free of the core, so that whatever computes them shares nothing with it."""

from __future__ import annotations

from typing import NamedTuple


class TruthRow(NamedTuple):
    """A line of truth.csv."""

    window_start_ms: int
    node: str
    kind: str
    readings: int
    sum_w: int
    mean_power_w: int
    energy_import_j: int
    energy_export_j: int
    devices_expected: int
    devices_reporting: int
    covered_device_s: int
    expected_device_s: int


class SocTruthRow(NamedTuple):
    """A line of soc_truth.csv."""

    window_start_ms: int
    site: str
    device: str
    state_of_charge_wh: int
