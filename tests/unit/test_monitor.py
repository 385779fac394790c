"""What a worker shows: counts that outlive its machines, coverage that adds up, and why it is not ready."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from app.batch import Metrics
from app.main import why_not_ready
from app.metrics import MAX_LEVELS, Coverage, RollupCounts, TwinCounts


def test_a_worker_without_its_state_is_not_ready() -> None:
    assert "reason" in why_not_ready(Metrics(), 10)


def test_a_worker_is_ready_up_to_the_lag_that_is_allowed_and_names_what_is_beyond() -> None:
    assert why_not_ready(Metrics(is_ready=True, lag={1: 10}), 10) == {}
    assert why_not_ready(Metrics(is_ready=True, lag={1: 10, 2: 11}), 10)["lag_records"] == {"2": 11}


def test_readings_are_counted_by_how_many_more_a_machine_counted() -> None:
    registry = CollectorRegistry()
    counts = TwinCounts(registry)
    counts.readings({}, {("applied", ""): 2})
    counts.readings({("applied", ""): 2}, {("applied", ""): 12, ("rejected", "empty"): 1})

    labels = {"outcome": "applied", "reason": ""}
    assert registry.get_sample_value("gridtwin_readings_total", labels) == 12
    assert registry.get_sample_value("gridtwin_readings_total", {"outcome": "rejected", "reason": "empty"}) == 1


def test_nodes_of_one_window_add_up_a_newer_window_replaces_and_an_older_is_ignored() -> None:
    registry = CollectorRegistry()
    counts = RollupCounts(registry)
    shares = []
    for start_ms, covered_s in ((1000, 1), (1000, 2), (2000, 10), (1000, 100)):
        counts.final(Coverage("street", start_ms, covered_s, 20))
        shares.append(registry.get_sample_value("gridtwin_coverage_ratio", {"level": "street"}))

    assert shares == [1 / 20, 3 / 40, 10 / 20, 10 / 20]
    assert registry.get_sample_value("gridtwin_newest_final_window_seconds", {"level": "street"}) == 2


def test_levels_beyond_a_bound_share_one_label() -> None:
    registry = CollectorRegistry()
    counts = RollupCounts(registry)
    for number in range(MAX_LEVELS + 10):
        counts.final(Coverage(f"level-{number}", 1000, 1, 1))
    shown = [one for family in registry.collect() for one in family.samples if one.name == "gridtwin_coverage_ratio"]

    assert len(shown) == MAX_LEVELS + 1
