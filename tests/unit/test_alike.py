"""What millions of twins hold alike is one object, and equal to what was read."""

from app.domain.alike import MOST_HELD, alike, one_of
from tests.builders import a_device, a_site


def test_sites_that_are_described_alike_share_their_edges():
    one, other = (alike(a_site("n", devices=[a_device("u", rated_w=1_000)])) for _ in range(2))
    assert one == other == a_site("n", devices=[a_device("u", rated_w=1_000)])
    assert one.parents is other.parents


def test_a_site_that_differs_keeps_what_it_says():
    one, other = (alike(a_site(node, devices=[a_device(device)])) for node, device in (("n", "u"), ("m", "v")))
    assert (one.parents[0].node, one.devices[0].device) == ("n", "u")
    assert (other.parents[0].node, other.devices[0].device) == ("m", "v")


def test_devices_of_other_names_share_what_is_alike_of_them():
    kind, rated_w = ["lo", "ad"], [10, 1_000]
    devices = [a_device(name, kind="".join(kind), rated_w=rated_w[0] * rated_w[1]) for name in "uv"]
    one, other = (alike(a_site("n", devices=[device])).devices[0] for device in devices)
    assert (one.kind, one.rated_power_w, one.device, other.device) == ("load", 10_000, "u", "v")
    assert one.kind is other.kind
    assert one.rated_power_w is other.rated_power_w


def test_only_the_last_values_are_held():
    first = "".join(["fir", "st"])
    assert one_of(first) is first
    for number in range(MOST_HELD + 1):
        one_of(str(number))
    again = "".join(["fir", "st"])
    assert one_of(again) is again
