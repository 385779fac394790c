"""`make screenshots`: play the SimBench day to noon and make the pictures of docs/images."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from app.kafka.broker import LocalBroker
from tests.system.browser import a_browser, why_none
from tests.system.page_plant import PagePlant
from tests.system.palette import shrink

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
DATASET = ROOT / ".gridtwin/simbench"
PLACE = ROOT / "docs/images"
START_MS, HOUR_MS = 1_464_732_000_000, 3_600_000
WINDOW_MS = START_MS + 10 * HOUR_MS
SHOWN_MS = START_MS + 14 * HOUR_MS + HOUR_MS * 2 // 3
SPEED = 60
PATIENCE_MS = 60_000
SETTLE_MS = 1_000


class Picture(NamedTuple):
    """What is on a picture: what is chosen, in which theme, how large, and from which part of the page on."""

    name: str
    chosen: dict[str, Any]
    theme: str = "light"
    size: tuple[int, int] = (1440, 900)
    top: str = ""
    waits_for: str = "#tab-place tbody tr"


PICTURES = [
    Picture("page", {"node": "LV3.105"}),
    Picture("page-dark", {"node": "EHV1"}, theme="dark"),
    Picture("page-explain", {"node": "LV3.105/F2", "tab": "explain", "window": WINDOW_MS}, top=".tabs"),
    Picture("page-site", {"site": "LV3.105_Bus_57"}),
    Picture("page-narrow", {"node": "LV3.105"}, size=(375, 812)),
]
STALE = Picture("page-stale", {"node": "LV3.105"}, waits_for="#banner:visible")


def take(browser: Browser, plant: PagePlant, picture: Picture, *, live: bool) -> None:
    """Take one picture, once everything on it is there."""
    width, height = picture.size
    context = browser.new_context(viewport={"width": width, "height": height}, timezone_id="Europe/Berlin",
                                  color_scheme=picture.theme)  # type: ignore[arg-type]  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(plant.link(**picture.chosen))
    for part in (picture.waits_for, ".u-wrap canvas", "#connection-text:text-is('live')" if live else "#banner"):
        page.wait_for_selector(part)
    page.wait_for_selector("#tree [aria-selected=true]" if page.is_visible("#tree") else "#connection")
    if picture.top:
        page.evaluate("part => document.querySelector(part).scrollIntoView()", picture.top)
    page.wait_for_timeout(SETTLE_MS)
    png = shrink(browser, page.screenshot())
    (PLACE / f"{picture.name}.png").write_bytes(png)
    print(f"{picture.name}.png: {len(png) / 1000:.0f} kB", flush=True)
    context.close()


def play(directory: Path, broker: str) -> None:
    """Play the day, take the pictures, and one more when the workers are gone."""
    plant = PagePlant(directory, broker, DATASET)
    try:
        plant.begin(SHOWN_MS, speed=SPEED)
        with a_browser() as browser:
            for picture in PICTURES:
                take(browser, plant, picture, live=True)
            plant.kill("twin", "rollup")
            take(browser, plant, STALE, live=False)
    finally:
        plant.end()


def main() -> None:
    """Make the pictures."""
    if reason := why_none():
        sys.exit(f"no pictures: {reason}")
    if not (DATASET / "dataset.json").exists():
        sys.exit("no pictures: the SimBench day is missing; make it with `make demo`")
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        broker = LocalBroker(Path(directory) / "broker")
        try:
            play(Path(directory), broker.start())
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
