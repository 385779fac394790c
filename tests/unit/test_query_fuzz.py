"""Whatever is asked, the answer is what was asked for or a problem; never a fault."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query_asker import ODD, Asker, a_service, some_records

LIST, WINDOWS = ["as_of", "limit", "cursor"], ["from", "to", "window", "tz", "kinds", "status", "format"]
ROUTES = {
    "/v1/nodes": [*LIST, "hierarchy", "level", "prefix", "text", "roots"], "/v1/nodes/{id}": ["as_of"],
    "/v1/nodes/{id}/children": [*LIST, "type"], "/v1/nodes/{id}/descendants": [*LIST, "type", "depth"],
    "/v1/nodes/{id}/parents": ["as_of"], "/v1/nodes/{id}/live": [], "/v1/nodes/{id}/windows": WINDOWS,
    "/v1/nodes/{id}/explain": ["window_start_ms", "limit"], "/v1/nodes/{id}/flexibility": [],
    "/v1/sites": [*LIST, "prefix", "text"], "/v1/sites/{id}": ["as_of"], "/v1/sites/{id}/windows": WINDOWS,
    "/v1/sites/{id}/transitions": LIST, "/v1/transitions": LIST,
    "/v1/rejections": ["reason", "site", "limit", "cursor"],
    "/{id}": [],
}  # fmt: skip
NUMBERS = st.integers(-(10**20), 10**20).map(str)
WORDS = st.sampled_from(["PT1H", "P1D", "P366D", "2016-06-01", "2016-06-01T12:00+02:00", "9999-12-31", "Europe/Berlin",
                         "csv", "node", "true", "0", "1", "1464782400000", "1e9", "nan", "-0"])  # fmt: skip


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Asker:
    return Asker(a_service(tmp_path_factory.mktemp("fuzz"), *some_records()))


VALUES = st.one_of(NUMBERS, WORDS, st.text(max_size=20))
GOOD = {"window": ["PT1H", "P1D"], "status": ["final"], "format": ["csv"], "from": ["1464782400000"], "type": ["node"],
        "to": ["1464786000000"], "limit": ["10"], "depth": ["2"], "reason": ["too_late"], "as_of": ["0"]}  # fmt: skip


def values(parameter: str) -> st.SearchStrategy[str]:
    """Mostly what is allowed: what is not ends a question before the rest of it is looked at."""
    good = GOOD.get(parameter)
    return (
        VALUES if good is None else st.integers(0, 3).flatmap(lambda one: VALUES if one == 0 else st.sampled_from(good))
    )


QUESTIONS = st.sampled_from(sorted(ROUTES)).flatmap(
    lambda path: st.tuples(
        st.just(path), st.fixed_dictionaries({}, optional={one: values(one) for one in ROUTES[path]})
    )
)


@settings(max_examples=500)
@given(question=QUESTIONS, name=st.one_of(st.sampled_from(["n", "s", "top", *ODD]), st.text(max_size=20)))
def test_no_question_is_a_fault(asker: Asker, question: tuple[str, dict[str, str]], name: str) -> None:
    path, asked = question
    whole = path.replace("{id}", quote(name, safe="", errors="replace").replace(".", "%2E"))
    answer = asyncio.run(asker.get(whole, params=asked))

    assert answer.status_code in (200, 400, 404, 405), answer.text
    if answer.status_code != 200:
        assert answer.json()["remedy"]
