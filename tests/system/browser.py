"""The browser that looks at the page: one of the system, or Playwright's own.

`python -m tests.system.browser` says which one there is; if there is none, it tries to fetch Playwright's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FETCH_S = 180
STARTS_S = 60
ABSENT = "no Chromium that starts: install the system's package, or run `python -m playwright install chromium`"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"]


def why_none() -> str:
    """Return why there is no browser; nothing if there is one."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "the package playwright is not installed"
    return "" if _executable() else ABSENT


@cache
def _executable() -> str | None:
    found = [*map(shutil.which, NAMES), _fetched()]
    return next((path for path in found if path and _starts(path)), None)


def _starts(path: str) -> bool:
    """Whether a program starts: some systems have one of that name that only says how to install it."""
    try:
        return subprocess.run([path, "--version"], timeout=STARTS_S, capture_output=True).returncode == 0
    except (subprocess.SubprocessError, OSError):
        return False


def _fetched() -> str | None:
    from playwright.sync_api import Error, sync_playwright

    with suppress(Error, OSError), sync_playwright() as playwright:
        return playwright.chromium.executable_path
    return None


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Give a browser without a window, and close it behind the block."""
    from playwright.sync_api import sync_playwright

    executable = _executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield browser
        browser.close()


def fetch() -> None:
    """Fetch Playwright's Chromium; that it cannot be had is no fault."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        subprocess.run(command, timeout=FETCH_S, capture_output=True, check=True)
    except (subprocess.SubprocessError, OSError):
        print("Playwright's Chromium could not be fetched", flush=True)


def main() -> None:
    """Say what the browser tests will use, or that they are skipped."""
    if why_none() == ABSENT:
        fetch()
        _executable.cache_clear()
    reason = why_none()
    print(f"the browser tests are skipped: {reason}" if reason else f"the browser tests use {_executable()}")


if __name__ == "__main__":
    main()
