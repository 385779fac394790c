from hypothesis import given
from hypothesis import strategies as st

from app.domain import rollup_slots, site_rows
from app.domain.rows import body_of, version_of, with_version

OFFSETS = st.integers(-1, 2**62)


@given(version=OFFSETS, body=st.binary())
def test_a_row_gives_back_its_version_and_its_body(version, body):
    row = with_version(version, body)

    assert (version_of(row), body_of(row)) == (version, body)


@given(one=OFFSETS, other=OFFSETS)
def test_rows_compare_by_their_first_bytes_as_their_versions_do(one, other):
    assert (with_version(one, b"")[:8] < with_version(other, b"")[:8]) == (one < other)


@given(one=st.integers(0, 2**50), other=st.integers(0, 2**50))
def test_keys_of_windows_sort_by_time(one, other):
    assert (site_rows.window_key(one, 7) < site_rows.window_key(other, 0)) == (one < other)
    assert (rollup_slots.window_key(one) < rollup_slots.window_key(other)) == (one < other)


@given(start_ms=st.integers(0, 2**50), block=st.integers(0, 2**20))
def test_the_key_of_a_block_gives_back_its_window(start_ms, block):
    assert site_rows.start_of_key(site_rows.window_key(start_ms, block)) == start_ms


@given(node=st.text(max_size=20), start_ms=st.none() | st.integers(0, 2**50))
def test_the_key_of_a_node_gives_back_its_place_in_any_language(node, start_ms):
    place = rollup_slots.Place(node, start_ms)

    assert rollup_slots.place_of_key(place.row_key) == place
