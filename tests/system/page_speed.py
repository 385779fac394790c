"""`python -m tests.system.page_speed`: how long the page takes to show numbers, on SimBench and on a large fleet.

python -m tests.system.page_speed --sites 50000 --sites 100000
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from app.dataset.synthetic import generate
from app.dataset.synthetic_world import Shape
from app.kafka.broker import LocalBroker
from tests.system.browser import a_browser, why_none
from tests.system.page_plant import PagePlant
from tests.system.screenshots import DATASET, SHOWN_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOADS = 5
STILL_S = 5.0
START_MS, MINUTE_MS = 1_764_000_000_000, 60_000
PATIENCE_MS = 120_000
WATCH = """
window.longest_ms = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) longest_ms = Math.max(longest_ms, one.duration);
}).observe({ type: "longtask", buffered: true });
"""
SHOWN = """() => /\\d/.test(document.querySelector('.now .big')?.textContent ?? '')
  && document.querySelector('#tree .power') && performance.now()"""
UNFOLDED = (
    """() => [...document.querySelectorAll('#tree [aria-expanded=false]')].at(-1)?.querySelector('.twist')?.click()"""
)


def a_large_fleet(directory: Path, sites: int) -> Path:
    """Make a dataset of two minutes: 20 sites below a feeder, 25 feeders below a substation."""
    generate(directory, Shape(sites=sites, depth=4, fanout=(20, 25, 20, 1000), start_ms=START_MS, window_s=60,
                              intervals_s=(60,), end_ms=START_MS + 2 * MINUTE_MS))  # fmt: skip
    return directory


def load(browser: Browser, address: str) -> tuple[float, float]:
    """Return the milliseconds from asking for the page to its first numbers, and its longest pause afterwards."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, timeout=PATIENCE_MS)
    shown_ms = float(page.wait_for_function(SHOWN, polling="raf", timeout=PATIENCE_MS).json_value())
    for _ in range(4):
        page.evaluate(UNFOLDED)
        page.wait_for_timeout(500)
    page.locator("#tree [tabindex='0']").focus()
    for key in ("End", "Home", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    longest_ms = float(page.evaluate("window.longest_ms"))
    context.close()
    return shown_ms, longest_ms


def settle(plant: PagePlant) -> None:
    """Wait until the view stays at the end: a fleet that speaks all at once keeps it busy for a while."""
    since_s = time.monotonic()
    while time.monotonic() - since_s < STILL_S:
        if plant.get("status")["data"]["behind_records"]:
            since_s = time.monotonic()
        time.sleep(0.2)


def measure(dataset: Path, until_ms: int, name: str) -> None:
    """Play a dataset to a time, load the page some times, and print how long that took."""
    with tempfile.TemporaryDirectory() as directory:
        broker = LocalBroker(Path(directory) / "broker")
        plant = PagePlant(Path(directory), broker.start(), dataset)
        try:
            plant.begin(until_ms, speed=1)
            settle(plant)
            with a_browser() as browser:
                shown, pauses = zip(*(load(browser, plant.address) for _ in range(LOADS)), strict=True)
            nodes = sum(one["nodes"] for one in plant.get("hierarchies")["items"])
            each = ", ".join(f"{one:.0f}" for one in shown)
            print(f"{name}, {nodes} nodes: first numbers after {median(shown):.0f} ms (each {each}); longest pause "
                  f"{max(pauses):.0f} ms; load of the machine {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
        finally:
            plant.end()
            broker.stop()


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, action="append", default=[])
    sizes = parser.parse_args().sites
    if reason := why_none():
        sys.exit(f"nothing measured: {reason}")
    if (DATASET / "dataset.json").exists():
        measure(DATASET, SHOWN_MS, "SimBench, 449 sites")
    for sites in sizes:
        with tempfile.TemporaryDirectory() as directory:
            measure(a_large_fleet(Path(directory) / "dataset", sites), START_MS + 2 * MINUTE_MS, f"{sites} sites")


if __name__ == "__main__":
    main()
