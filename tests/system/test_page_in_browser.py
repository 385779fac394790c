"""The page in a real browser, over a plant whose replay goes on; the last tests end its workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.kafka.broker import LocalBroker
from tests.system.browser import a_browser, why_none
from tests.system.page_plant import (
    CROWD,
    CROWDED,
    HOME,
    MINUTE_MS,
    REGION,
    SHOWN_MS,
    START_MS,
    STREET,
    PagePlant,
    a_dataset_to_look_at,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REASON = why_none()
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(bool(REASON), reason=REASON),
]

AXE = Path(__file__).parents[1] / "page/vendor/axe.min.js"
PATIENCE_MS = 60_000
THEMES = ("light", "dark")
GRAVE = ("serious", "critical")
LABEL = "label-content-name-mismatch"
BIG = ".now .big"
COLOUR = "getComputedStyle(document.querySelector('.now .big')).color"
WINDOW_MS = START_MS + 2 * MINUTE_MS


@pytest.fixture(scope="module")
def shown(module_broker: LocalBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagePlant]:
    """Give a plant whose query worker serves the page."""
    running = module_broker.running()
    assert running is not None
    directory = tmp_path_factory.mktemp("page")
    plant = PagePlant(directory, running.address, a_dataset_to_look_at(directory / "dataset"))
    try:
        plant.begin(SHOWN_MS)
        yield plant
    finally:
        plant.end()


@pytest.fixture(scope="module")
def browser(shown: PagePlant) -> Iterator[Browser]:
    with a_browser() as found:
        yield found


class Screen:
    """A page of a size, and what went wrong in it."""

    def __init__(self, browser: Browser, *, width: int, theme: str) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            timezone_id="Europe/Berlin",  # type: ignore[arg-type]
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on("console", lambda said: self.faults.append(said.text) if "Content Security" in said.text else None)

    def open(self, address: str) -> Page:
        """Open an address and wait for its title."""
        self.page.goto(address)
        self.page.wait_for_selector(".title")
        return self.page


@contextmanager
def looking(browser: Browser, *, width: int = 1440, theme: str = "light") -> Iterator[Screen]:
    """Give a screen, and expect that nothing goes wrong in it."""
    made = Screen(browser, width=width, theme=theme)
    yield made
    made.context.close()
    assert made.faults == []


@pytest.fixture
def screen(browser: Browser) -> Iterator[Screen]:
    with looking(browser) as made:
        yield made


def heading(page: Page) -> str:
    return page.inner_text(".title")


def rows_of(page: Page, column: int) -> list[str]:
    return page.locator(f"#tab-place tbody tr td:nth-child({column})").all_inner_texts()


def test_the_page_opens_at_the_first_root_with_its_power_in_words(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.address)
    page.wait_for_selector(".towards:text-matches('consuming|producing')")

    assert heading(page) == REGION
    assert page.locator(f"{BIG} small").inner_text().strip() in {"W", "kW"}
    page.wait_for_selector("#connection-text:text-is('live')")
    page.wait_for_selector(".u-wrap canvas")
    page.wait_for_selector("#feed .tag:text-is('transition')")


def test_a_node_chosen_in_the_tree_is_shown_and_is_in_the_address(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.address)
    page.click(f"[role=treeitem]:has(> .row .name[title='{REGION}']) > .row .twist")
    page.click(f"[role=treeitem] .name[title='{CROWD}']")
    page.wait_for_selector(f".title:text-is('{CROWD}')")

    assert page.url.endswith(f"#node={CROWD}")
    page.go_back()
    page.wait_for_selector(f".title:text-is('{REGION}')")


def test_an_id_that_is_a_script_is_text_and_nothing_else(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=STREET))

    assert heading(page) == STREET
    page.wait_for_selector("#tab-place tbody tr")
    assert HOME in rows_of(page, 1)
    page.get_by_role("link", name=HOME, exact=True).first.click()
    page.wait_for_function("id => document.querySelector('.title').textContent === id", arg=HOME)
    page.fill("#search", "<script>")
    page.wait_for_selector("#found a")
    assert "hacked" not in page.title().replace(HOME, "")
    assert page.locator("main script, main img, #tree img").count() == 0


def test_a_deep_link_opens_a_site_s_twin_and_the_way_to_it(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(site="home 20", tab="twin"))
    page.wait_for_selector("#tree [aria-selected=true]")

    assert page.locator(".crumbs a").all_inner_texts() == [REGION, STREET]
    assert rows_of(page, 1) == ["home 20/load", "home 20/pv"]
    assert page.locator("#tree [aria-selected=true] .name").first.get_attribute("title") == "home 20"
    page.get_by_role("tab", name="Open windows").click()
    page.wait_for_selector("#tab-place tbody tr")
    page.get_by_role("tab", name="Transitions").click()
    page.wait_for_selector("#tab-place .state")


def test_explain_shows_the_parts_of_a_window_that_the_api_names(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=REGION, tab="explain", window=WINDOW_MS))
    page.wait_for_selector("#tab-place tbody tr")
    found = shown.get(f"nodes/{REGION}/explain", window_start_ms=WINDOW_MS)["data"]

    assert sorted(rows_of(page, 1)) == sorted(part["id"] for part in found["children"])
    assert [row.strip() for row in rows_of(page, 5)] == [str(part["partition"]) for part in found["children"]]
    assert "all of it" in page.inner_text(".explained")
    assert page.locator(".missing a").all_inner_texts() == [part["id"] for part in found["missing"]]
    page.get_by_role("link", name="Now", exact=True).click()
    page.wait_for_selector(".choice:text('The power now')")


def test_children_are_sorted_by_any_column(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=STREET))
    page.wait_for_selector("#tab-place tbody tr")

    assert rows_of(page, 1) == [HOME, "home 1", "home 2", "home 10", "home 20"]
    page.get_by_role("button", name="Name").click()
    assert rows_of(page, 1) == ["home 20", "home 10", "home 2", "home 1", HOME]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Name")


def test_a_crowd_of_children_is_read_a_page_at_a_time(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=CROWD))
    page.wait_for_selector("#tab-place tbody tr")

    assert page.locator("#tab-place tbody tr").count() == 500
    page.click("text=More children")
    page.wait_for_function(
        "rest => document.querySelectorAll('#tab-place tbody tr').length === rest", arg=CROWDED - 500
    )
    assert rows_of(page, 1)[-1] == f"quiet {CROWDED - 1}"
    page.click("text=Earlier children")
    page.wait_for_function("() => document.querySelectorAll('#tab-place tbody tr').length === 500")


def test_the_map_shows_every_site_that_has_a_place(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=REGION, tab="map"))
    page.wait_for_selector(".map")

    assert page.locator(".map .spot").count() == 5
    assert "5 of 625 sites have a location" in page.inner_text("#tab-place")


def test_a_day_on_which_clocks_go_back_is_asked_for_with_25_hours(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=STREET))
    with page.expect_response(lambda answer: "/windows?" in answer.url and "from=147777" in answer.url) as asked:
        page.goto(shown.link(node=STREET, range="2016-10-30"))
    query = dict(pair.split("=") for pair in asked.value.url.partition("?")[2].split("&"))

    assert int(query["to"]) - int(query["from"]) == 25 * 60 * MINUTE_MS
    page.get_by_role("button", name="Later", exact=True).click()
    page.wait_for_function("() => location.hash.endsWith('range=2016-10-31')")


def test_an_unknown_id_is_said_with_those_near_it(screen: Screen, shown: PagePlant) -> None:
    screen.page.goto(shown.link(node="nort"))
    screen.page.wait_for_selector(".failure")

    assert screen.page.locator("main li a").first.inner_text() == REGION


def test_a_narrow_screen_scrolls_down_only_and_has_the_tree_behind_a_button(browser: Browser, shown: PagePlant) -> None:
    with looking(browser, width=375) as screen:
        for chosen in ({"node": REGION}, {"node": STREET, "tab": "explain"}, {"site": HOME}):
            page = screen.open(shown.link(**chosen))
            page.wait_for_selector("#tab-place tbody tr")

            assert page.evaluate("document.documentElement.scrollWidth") == 375
        assert not page.is_visible("#tree")
        page.click("#tree-toggle")
        assert page.is_visible("#tree")


def test_every_part_is_reached_by_the_keyboard(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=REGION))
    page.wait_for_selector("#tree [aria-selected=true]")
    seen = tabbed(page, 60)

    assert {"skip", "search", "theme", "tab-children", "treeitem", "region"} <= seen
    page.locator("#tree [tabindex='0']").focus()
    for key in ("Home", "ArrowDown", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
        page.wait_for_timeout(50)
        if key == "ArrowRight":
            page.wait_for_selector(f".name[title='{CROWD}']")
    page.wait_for_selector(f".title:text-is('{CROWD}')")


def tabbed(page: Page, times: int) -> set[str]:
    """Return the ids and roles that the tabulator key leads to."""
    seen = set()
    for _ in range(times):
        page.keyboard.press("Tab")
        seen |= set(page.evaluate("[document.activeElement.id, document.activeElement.getAttribute('role') ?? '']"))
    return seen


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious(browser: Browser, shown: PagePlant, theme: str) -> None:
    with looking(browser, theme=theme) as screen:
        for chosen in ({"node": STREET, "tab": "explain"}, {"node": REGION, "tab": "map"}, {"site": HOME}):
            page = screen.open(shown.link(**chosen))
            page.wait_for_selector("#tab-place tbody tr, #tab-place .map")
            page.wait_for_selector("#connection-text:text-is('live')")
            page.evaluate(AXE.read_text())

            assert serious(page) == []


def serious(page: Page) -> list[tuple[str, str]]:
    """Return what axe finds, but that a row of the tree says a word where it shows an arrow."""
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    nodes = [(one["id"], node["html"]) for one in found if one["impact"] in GRAVE for node in one["nodes"]]
    return [(rule, html) for rule, html in nodes if not (rule == LABEL and html.startswith('<li role="treeitem"'))]


def test_what_is_shown_goes_on_until_the_workers_stop_and_then_says_so(screen: Screen, shown: PagePlant) -> None:
    page = screen.open(shown.link(node=REGION))
    page.wait_for_selector("#connection-text:text-is('live')")
    first, colour = page.inner_text(BIG), page.evaluate(COLOUR)
    page.wait_for_function("was => document.querySelector('.now .big').innerText !== was", arg=first)
    assert page.is_hidden("#banner")

    shown.kill("twin", "rollup")
    page.wait_for_selector("#banner:visible")
    assert page.inner_text("#banner").startswith(("Records wait for a worker", "Neither a reading nor a tick has come"))
    assert page.evaluate(COLOUR) != colour
    assert "old" in page.inner_text("#connection-text")

    shown.kill("query")
    page.wait_for_selector("#banner:has-text('The connection is lost')")
    shown.start("twin", "rollup", "query")
    page.wait_for_selector("#connection-text:text-is('live')")
    page.wait_for_selector("#banner", state="hidden")
