"""What a window expects of a node: the members at its start."""

from app.domain.contracts import Edge
from app.domain.membership import Memberships
from app.domain.site import Site
from tests.builders import NOON_MS, Disk, a_device, a_node, a_partition, a_site, some_rules


def expected(record, start_ms: int = NOON_MS):
    topology = {"n": a_node("feeder"), "s": record}
    machine = a_partition(some_rules(), Disk(), topology)
    machine.apply([], settled=True)
    return machine.state.membership(start_ms).expected.get("n")


def test_a_site_is_a_member_of_the_windows_at_whose_start_its_edge_is_valid():
    record = a_site(Edge("n", NOON_MS - 1, NOON_MS + 1), devices=[a_device("d")])

    assert [expected(record, NOON_MS + i * 900_000) is not None for i in (-1, 0, 1)] == [False, True, False]


def test_a_device_is_expected_in_the_windows_at_whose_start_it_is_valid():
    record = a_site("n", devices=[a_device("old", to_ms=NOON_MS), a_device("new", from_ms=NOON_MS, rated_w=2)])

    assert expected(record, NOON_MS).kinds == {"load": [1, 900]}
    assert expected(record, NOON_MS).rated_power_w == 2
    assert expected(record, NOON_MS - 900_000).rated_power_w == 10_000


def test_kinds_are_expected_apart():
    record = a_site("n", devices=[a_device("p", kind="pv"), a_device("q", kind="pv"), a_device("w", kind="wind")])

    assert expected(record).kinds == {"pv": [2, 1_800], "wind": [1, 900]}
    assert expected(record).sites == 1


def test_a_site_of_which_no_device_is_due_is_not_expected():
    record = a_site("n", devices=[a_device("d", interval_s=3_600)])

    assert [expected(record, NOON_MS + i * 900_000).sites for i in range(4)] == [1, 0, 0, 0]


def a_cache(interval_s: int) -> tuple[Memberships, dict]:
    rules = some_rules()
    site = Site("s")
    site.describe(a_site("n", devices=[a_device("d", interval_s=interval_s)]), rules)
    cache = Memberships(rules, limit=2)
    cache.forget([site])
    return cache, {"sites": [site], "ancestors": lambda *_: ("n",)}


def test_windows_between_which_nothing_changes_share_a_membership():
    cache, world = a_cache(interval_s=60)

    assert cache.of_window(NOON_MS, 0, **world) is cache.of_window(NOON_MS + 900_000, 0, **world)
    assert cache.of_window(NOON_MS, 0, **world) is not cache.of_window(NOON_MS, 1, **world)


def test_windows_share_nothing_where_a_device_is_not_due_in_each():
    cache, world = a_cache(interval_s=3_600)

    assert cache.of_window(NOON_MS, 0, **world).expected["n"].sites == 1
    assert cache.of_window(NOON_MS + 900_000, 0, **world).expected["n"].sites == 0


def test_the_cache_is_bounded():
    cache, world = a_cache(interval_s=60)
    for epoch in range(10):
        cache.of_window(NOON_MS, epoch, **world)

    assert len(cache._held) == 2
