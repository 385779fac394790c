import pytest

from app.domain.operation import KNOWN_KINDS, STORAGE_KINDS, operation_of


def operation(kind: str, power_w: int, *, soc_wh: int | None = None, capacity_wh: int | None = 100) -> str | None:
    return operation_of(
        kind,
        active_power_w=power_w,
        rated_power_w=1_000,
        state_of_charge_wh=soc_wh,
        usable_capacity_wh=capacity_wh,
    )


@pytest.mark.parametrize(
    ("kind", "power_w", "state"),
    [
        ("battery", 11, "charging"),
        ("battery", -11, "discharging"),
        ("ev_charger", 11, "charging"),
        ("hybrid", -11, "discharging"),
        ("load", 11, "consuming"),
        ("heat_pump", 11, "consuming"),
        ("pv", -11, "generating"),
        ("meter", -11, "generating"),
        ("pv", 0, "idle"),
    ],
)
def test_positive_is_into_the_asset_and_negative_out_of_it(kind, power_w, state):
    assert operation(kind, power_w) == state


@pytest.mark.parametrize(("power_w", "state"), [(10, "idle"), (-10, "idle"), (11, "charging"), (-11, "discharging")])
def test_a_hum_of_one_percent_of_rated_power_is_idle(power_w, state):
    assert operation("battery", power_w) == state


@pytest.mark.parametrize(
    ("soc_wh", "state"), [(None, "idle"), (0, "empty"), (1, "idle"), (99, "idle"), (100, "full"), (101, "full")]
)
def test_a_storage_at_rest_is_empty_full_or_idle(soc_wh, state):
    assert operation("battery", 0, soc_wh=soc_wh) == state


def test_a_storage_of_unknown_capacity_is_never_full():
    assert operation("battery", 0, soc_wh=10**6, capacity_wh=None) == "idle"


def test_an_empty_battery_that_charges_is_charging():
    assert operation("battery", 100, soc_wh=0) == "charging"


def test_a_kind_that_is_not_known_has_no_operation():
    assert operation("toaster", 1_000) is None


def test_the_known_kinds_are_those_of_the_contract():
    words = "load pv wind hydro biomass battery ev_charger heat_pump res_mix hybrid meter"

    assert set(words.split()) == KNOWN_KINDS
    assert STORAGE_KINDS < KNOWN_KINDS
