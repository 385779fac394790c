"""What is served besides answers: the page and the reference are kept by a browser, and asked for each time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.query.application import REFERENCE
from tests.query_asker import Asker, a_service, some_records

FILES = ["/", "/style.css", "/reference/", "/reference/vendor/swagger-ui-bundle.js"]


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Asker:
    return Asker(a_service(tmp_path_factory.mktemp("files"), *some_records()))


@pytest.mark.parametrize("path", FILES)
async def test_a_file_that_the_browser_has_is_not_sent_again(asker: Asker, path: str) -> None:
    first = await asker.get(path)
    again = await asker.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    other = await asker.get(path, headers={"If-None-Match": '"other"'})

    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert (again.status_code, again.content) == (304, b"")
    assert (other.status_code, other.content) == (200, first.content)


async def test_every_route_is_shown_from_files_of_our_own_under_the_strict_policy(asker: Asker) -> None:
    page = await asker.get("/reference")
    asked = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert [(await asker.get(path)).status_code for path in asked] == [200] * len(asked)
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|https?://", page.text) == []


def test_what_is_vendored_is_named_with_its_licence() -> None:
    vendored = {path.name for path in (REFERENCE / "vendor").iterdir()} - {"README.md"}
    read_me = (REFERENCE / "vendor" / "README.md").read_text()

    assert [name for name in vendored if f"`{name}`" not in read_me] == []


@pytest.mark.parametrize(
    "path", ["/..%2fserve.py", "/vendor/%2e%2e/%2e%2e/serve.py", "/%00", "/reference/%2e%2e/serve.py"]
)
async def test_no_other_file_is_served(asker: Asker, path: str) -> None:
    assert Path(REFERENCE.parent / "serve.py").exists()
    assert (await asker.get(path)).status_code == 404


async def test_lines_that_the_asker_has_are_not_sent_again_and_are_no_json(asker: Asker) -> None:
    path = "/v1/nodes/n/windows?from=1464782400000&to=1464786000000"
    lines = await asker.get(f"{path}&format=csv")
    held = {"If-None-Match": lines.headers["etag"]}

    assert (await asker.get(f"{path}&format=csv", headers=held)).status_code == 304
    assert (await asker.get(path, headers=held)).status_code == 200
    assert lines.headers["vary"] == "Accept"
