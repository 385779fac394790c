"""Questions as they come over HTTP: ids of any character, cursors, ages, tags, and what is refused with what remedy."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from aiokafka import TopicPartition
from jsonschema import Draft202012Validator

from app.query import routes_fleet
from app.query.asking import make_cursor, near
from app.query.rows import NODE
from tests.builders import NOON_MS
from tests.query_asker import NOW_S, ODD, Asker, a_service, some_records
from tests.query_builders import (
    QUARTER_MS,
    a_live,
    a_rejection,
    known,
)


@pytest.fixture
def asker(tmp_path: Any) -> Asker:
    return Asker(a_service(tmp_path, *some_records()))


@pytest.mark.parametrize("name", ODD)
async def test_an_id_may_hold_any_character(asker: Asker, name: str) -> None:
    path = f"/v1/nodes/{quote(name, safe='').replace('.', '%2E')}"
    found = await asker.json(path)
    above_it = await asker.json(f"{path}/ancestors")

    assert found["data"]["node"]["id"] == name
    assert [one["id"] for one in above_it["items"]] == ["top"]


@pytest.mark.parametrize(
    "slip", ["LV3.105_Bsu_57", "lv3.105-bus-57", "LV3.10_Bus_57", "LV3.105_Bus__57", "VL3.105_Bus_57"]
)
def test_a_slip_of_the_hand_finds_the_id_that_was_meant(slip: str) -> None:
    others = [f"LV3.{number % 200}_Bus_{number}" for number in range(1000, 2000)]

    assert near(slip, [*others, "LV3.105_Bus_57", "elsewhere"])[0] == "LV3.105_Bus_57"
    assert near(slip, ["elsewhere", "x"]) == []


@pytest.mark.parametrize(
    "path", ["nodes", "nodes/n/live", "nodes/n/windows", "sites/s", "levels", "rejections", "status"]
)
async def test_an_answer_is_made_without_another_thread(asker: Asker, path: str) -> None:
    assert await _handed_over(asyncio.get_running_loop(), asker, f"/v1/{path}") == []


async def _handed_over(loop: asyncio.AbstractEventLoop, asker: Asker, path: str) -> list[Any]:
    handed: list[Any] = []
    hand_over = loop.run_in_executor
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_in_executor", lambda *asked: handed.append(asked) or hand_over(*asked))
        await asker.get(path)
    return handed


async def test_a_site_is_not_found_among_nodes_and_the_remedy_says_where_it_is(asker: Asker) -> None:
    answer = await asker.get("/v1/nodes/s")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["remedy"] == "ask /v1/sites/ for it"


async def test_an_unknown_id_is_told_with_ids_near_it(asker: Asker) -> None:
    assert (await asker.get("/v1/nodes/TOPS")).json()["near"] == ["top"]


async def test_pages_make_up_the_whole_list_each_item_once(asker: Asker) -> None:
    seen, path = list[str](), "/v1/nodes?limit=5"
    cursor = ""
    while True:
        page = await asker.json(path + cursor)
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={quote(page['next'], safe='')}"

    assert seen == sorted(["top", *ODD])


async def test_a_page_goes_on_behind_an_item_that_is_gone(asker: Asker) -> None:
    first = await asker.json("/v1/nodes?limit=5")
    last = first["items"][-1]["id"]
    asker.service.replica.take(known({last: None}), {})
    second = await asker.json("/v1/nodes?limit=5", params={"limit": 5, "cursor": first["next"]})

    assert [one["id"] for one in second["items"]] == sorted(["top", *ODD])[5:10]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/nodes?cursor=zzz", 400), ("/v1/nodes?cursor=%F0%9F", 400), ("/v1/nodes?limit=0", 400),
     ("/v1/nodes?limit=1001", 400), ("/v1/nodes?limit=x", 400), ("/v1/nodes/%FF", 400),
     ("/v1/nodes/n?as_of=yesterday", 400), ("/v1/nodes/n?as_of=-1", 400), ("/v1/nodes/n?as_of=" + "9" * 50, 400),
     ("/v1/nodes/n/children?type=dog", 400), ("/v1/nodes/n/descendants?depth=1000000000", 400),
     ("/v1/nodes/n/windows?from=2&to=1", 400), ("/v1/nodes/n/windows?window=PT7M", 400),
     ("/v1/nodes/n/windows?from=0", 400), ("/v1/nodes/n/windows?tz=Mars", 400),
     ("/v1/nodes/n/windows?status=done", 400), ("/v1/nodes/n/windows?format=xml", 400),
     ("/v1/nodes/n/explain?window_start_ms=1", 404), ("/v1/nodes/ü/live", 404), ("/v1/rejections?reason=x", 400),
     ("/v1/stream?nodes=nobody", 404), ("/v1/stream?events=x", 400), ("/v2/nodes", 404)],
)  # fmt: skip
async def test_what_cannot_be_answered_is_a_problem_with_a_remedy(asker: Asker, path: str, status: int) -> None:
    answer = await asker.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == status
    assert answer.json()["detail"]
    assert answer.json()["remedy"]


async def test_a_cursor_of_another_question_is_refused(asker: Asker) -> None:
    page = await asker.json("/v1/nodes?limit=1")
    answer = await asker.get("/v1/nodes", params={"limit": 1, "level": "feeder", "cursor": page["next"]})

    assert answer.status_code == 400
    assert "another question" in answer.json()["detail"]


async def test_an_answer_says_how_old_it_is_and_what_it_rests_on(asker: Asker) -> None:
    found = await asker.json("/v1/nodes/n/live")

    assert (found["as_of_ms"], found["age_s"], found["revision"]) == (NOON_MS, 20.0, 1)
    assert found["coverage"]["ratio"] == 1.0
    assert found["data"]["kinds"]["all"]["active_power_w"] == 5


async def test_an_answer_that_the_asker_has_is_not_sent_again(asker: Asker) -> None:
    first = await asker.get("/v1/nodes/n/live")
    asker.service.replica.clock = lambda: NOW_S + 1
    again = await asker.get("/v1/nodes/n/live", headers={"If-None-Match": first.headers["etag"]})
    asker.service.replica.take([a_live("n", 6, revision=2)], {})
    changed = await asker.get("/v1/nodes/n/live", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content, again.headers["vpp-age-s"]) == (304, b"", "21")
    assert changed.status_code == 200


async def test_head_is_get_without_a_body_and_others_are_refused(asker: Asker) -> None:
    head = await asker.get("/v1/nodes/n/live", method="HEAD")
    refused = [(await asker.get("/v1/nodes/n/live", method=method)).status_code for method in ("POST", "PUT", "TRACE")]

    assert (head.status_code, head.content) == (200, b"")
    assert refused == [405, 405, 405]


@pytest.mark.parametrize(("path", "allowed"), [("/v1/nodes/n/live", "GET, HEAD, OPTIONS"), ("/", "GET, HEAD, OPTIONS"),
                                               ("/v1/stream", "GET, OPTIONS")])  # fmt: skip
async def test_what_is_allowed_is_said_whole(asker: Asker, path: str, allowed: str) -> None:
    refused, asked = await asker.get(path, method="POST"), await asker.get(path, method="OPTIONS")

    assert [refused.headers["allow"], asked.headers["allow"]] == [allowed] * 2


async def test_head_sends_no_body(asker: Asker) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "HEAD", "path": "/healthz", "raw_path": b"/healthz", "query_string": b"",
             "headers": [], "server": ("query", 80), "client": ("127.0.0.1", 1), "scheme": "http", "root_path": "",
             "http_version": "1.1"}  # fmt: skip
    await asker.application(scope, receive, send)

    assert sent[0]["status"] == 200
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b""


async def test_every_answer_keeps_a_browser_safe(asker: Asker) -> None:
    for path in ("/v1/nodes", "/v1/nodes/x", "/healthz"):
        headers = (await asker.get(path)).headers

        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


async def test_a_page_of_another_origin_may_ask_only_if_that_is_set(tmp_path: Any) -> None:
    asker = Asker(a_service(tmp_path, cors="https://a.example"))
    answer = await asker.get("/v1/nodes", headers={"Origin": "https://a.example"})

    assert answer.headers["access-control-allow-origin"] == "https://a.example"


async def test_windows_are_sums_of_what_was_published(asker: Asker) -> None:
    span = {"from": NOON_MS, "to": NOON_MS + 4 * QUARTER_MS}
    single = await asker.json("/v1/nodes/n/windows", params=span)
    hour = await asker.json("/v1/nodes/n/windows", params={**span, "window": "PT1H", "kinds": "load"})

    assert [one["kinds"]["all"]["sum_w"] for one in single["items"]] == [0, 1, 2, 3]
    assert [(list(one["kinds"]), one["kinds"]["load"]["sum_w"]) for one in hour["items"]] == [(["load"], 6)]


async def test_windows_are_lines_for_who_wants_csv(asker: Asker) -> None:
    span = {"from": NOON_MS, "to": NOON_MS + QUARTER_MS, "kinds": "all"}
    answer = await asker.get("/v1/nodes/n/windows", params=span, headers={"Accept": "text/csv"})
    lines = answer.text.splitlines()

    assert answer.headers["content-type"].startswith("text/csv")
    assert lines[1].startswith("2016-06-01T12:00:00Z,2016-06-01T12:15:00Z,all,final,complete,1,1,0,0,")
    assert len(lines) == 2


async def test_transitions_are_paged_newest_first(asker: Asker) -> None:
    first = await asker.json("/v1/sites/s/transitions?limit=2")
    second = await asker.json("/v1/sites/s/transitions", params={"limit": 2, "cursor": first["next"]})
    everybodys = await asker.json("/v1/transitions?limit=1")

    assert [one["sequence"] for one in [*first["items"], *second["items"]]] == [2, 1, 0]
    assert [one["sequence"] for one in everybodys["items"]] == [2]


async def test_rejections_are_counted_and_listed_by_site(asker: Asker) -> None:
    found = await asker.json("/v1/rejections?site=s")
    others = await asker.json("/v1/rejections?site=other")

    assert (found["counts"], [one["offset"] for one in found["items"]], others["items"]) == ({"too_late": 1}, [1], [])


@pytest.mark.parametrize("filters", ["", "&site=s", "&reason=too_late"])
async def test_rejections_are_read_a_page_at_a_time(asker: Asker, filters: str) -> None:
    more = [a_rejection(offset, at_ms=NOON_MS + offset) for offset in (2, 10, 20, 100)]
    asker.service.replica.take([*more, a_rejection(1000, reason="future", site="m", at_ms=NOON_MS)], {})
    offsets, cursor = [], ""
    while cursor is not None:
        page = await asker.json(f"/v1/rejections?limit=2{filters}&cursor={cursor}" if cursor else
                                f"/v1/rejections?limit=2{filters}")  # fmt: skip
        offsets += [one["offset"] for one in page["items"]]
        cursor = page["next"]

    assert [one for one in offsets if one != 1000] == [100, 20, 10, 2, 1]
    assert len(offsets) == (6 if filters == "" else 5)


async def test_rejections_of_a_rare_reason_are_found_behind_many_others(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_fleet, "LOOKED_AT", 2)
    asker.service.replica.take([a_rejection(n, reason="future", at_ms=NOON_MS + n) for n in (2, 10, 20)], {})
    first = await asker.json("/v1/rejections?reason=too_late")
    second = await asker.json(f"/v1/rejections?reason=too_late&cursor={first['next']}")

    assert (first["items"], [one["offset"] for one in second["items"]]) == ([], [1])


@pytest.mark.parametrize(("path", "question"), [("/v1/rejections", ("rejections", None, None)),
                                                ("/v1/transitions", ("transitions",)),
                                                ("/v1/sites/s/transitions", ("transitions", "s"))])  # fmt: skip
@pytest.mark.parametrize("behind", ["x", "", "ff"])
async def test_a_cursor_that_was_made_up_is_refused(
    asker: Asker, path: str, question: tuple[object, ...], behind: str
) -> None:
    assert (await asker.get(f"{path}?cursor={make_cursor(question, behind)}")).status_code == 400


async def test_a_site_shows_its_twin_and_since_when_it_is_in_its_state(asker: Asker) -> None:
    data = (await asker.json("/v1/sites/s"))["data"]

    assert data["twin"]["devices"][0]["active_power_w"] == 10
    assert next((one["machine"], one["state"], one["since_ms"]) for one in data["states"]) == (
        "connectivity", "online", NOON_MS + 2,
    )  # fmt: skip


async def test_before_the_view_is_read_questions_are_put_off(asker: Asker) -> None:
    asker.service.source.is_ready = False
    asker.service.source._positions[TopicPartition("t", 0)] = 0
    answers = [await asker.get(path) for path in ("/v1/nodes", "/readyz", "/healthz", "/v1/status")]

    assert [one.status_code for one in answers] == [503, 503, 200, 200]
    assert answers[0].headers["retry-after"] == "2"


async def test_every_route_answers_as_it_is_described(asker: Asker) -> None:
    document = await asker.json("/v1/openapi.json")
    for path in document["paths"]:
        if path not in ("/v1/stream",):
            answer = await asker.get(path.replace("nodes/{name}", "nodes/n").replace("sites/{name}", "sites/s"))
            assert answer.status_code == 200, (path, answer.text)
            responses = document["paths"][path]["get"]["responses"]
            schema = responses["200"]["content"]["application/json"]["schema"]
            described = Draft202012Validator({**schema, "components": document["components"]})
            assert list(described.iter_errors(answer.json())) == [], path
            assert "application/problem+json" in responses["400"]["content"]
    metrics = (await asker.get("/metrics")).text

    assert document["openapi"].startswith("3.1")
    assert "gridtwin_query_ready 1\n" in metrics
    assert 'gridtwin_query_rejections{reason="too_late"} 1\n' in metrics


async def test_topology_is_that_of_the_time_asked_for(asker: Asker) -> None:
    topology = asker.service.view.membership.topology
    early = await asker.json("/v1/nodes/n/children?as_of=0")

    assert [one["id"] for one in early["items"]] == ["n2", "s"]
    assert asker.service.view.membership.parents(NODE, "n", 0) == ["top"]
    assert len(topology.sites) == 2
