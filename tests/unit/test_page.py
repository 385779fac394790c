"""The page is safe under a strict policy, whole, light, and its pure parts are right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.domain.operation import KNOWN_KINDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "app/query/page"
OWN = sorted(path for path in PAGE.iterdir() if path.is_file())
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
VENDORED = sorted(path for path in (PAGE / "vendor").iterdir() if path.suffix in {".js", ".css"})
NAMESPACE = "http://www.w3.org/2000/svg"
LIGHT_BYTES = 200_000


def seen(pattern: str, paths: list[Path]) -> list[tuple[str, str]]:
    return [(path.name, found.group()) for path in paths for found in re.finditer(pattern, path.read_text())]


def test_the_page_has_no_inline_script_style_or_handler() -> None:
    html = (PAGE / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert re.findall(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:", html, re.IGNORECASE) == []
    assert seen(r"""["'`]style["'`]|\bstyle:\s|cssText""", SCRIPTS) == []


def test_text_goes_into_the_page_as_text_only() -> None:
    made = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|parseFromString|srcdoc"
    run = r"\beval\b|new Function|setTimeout\(\s*[\"'`]|setInterval\(\s*[\"'`]"

    assert seen(f"{made}|{run}", SCRIPTS) == []
    assert seen(r"outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", VENDORED) == []


def test_the_page_asks_no_other_host() -> None:
    addresses = [(name, found) for name, found in seen(r"(?:https?:)?//[\w.-]+\.[\w./-]+", OWN) if found != NAMESPACE]

    assert addresses == []
    assert seen(r"url\(|@import", [PAGE / "style.css", *VENDORED]) == []


def referenced() -> set[Path]:
    html = (PAGE / "index.html").read_text()
    files = {PAGE / name for name in re.findall(r'(?:src|href)="([^"#]+)"', html)}
    return files | {PAGE / name for _, name in seen(r'(?<=from "\./)[^"]+', SCRIPTS)}


def test_every_file_that_is_referenced_is_there_and_every_file_is_referenced() -> None:
    served = {path for path in [*OWN, *VENDORED] if path.name != "index.html"}

    assert referenced() == served


def test_every_id_that_a_module_looks_for_is_in_the_page() -> None:
    held = set(re.findall(r'\bid="([^"]+)"', (PAGE / "index.html").read_text()))
    sought = {name for _, name in seen(r'(?<=byId\(")[^"]+', SCRIPTS)}

    assert len(sought) > 10
    assert sought - held == set()


def test_vendored_files_are_listed_with_version_and_licence() -> None:
    listed = (PAGE / "vendor/README.md").read_text()
    version = re.search(r"\(v([\d.]+)\)", (PAGE / "vendor/uPlot.iife.min.js").read_text())

    assert version is not None
    assert f"| {version[1]} | MIT" in listed
    assert [path.name for path in VENDORED if f"`{path.name}`" not in listed] == []
    assert "MIT License" in (PAGE / "vendor/uPlot.LICENSE").read_text()


def test_the_whole_page_weighs_less_than_200_kb() -> None:
    assert sum(path.stat().st_size for path in [*OWN, *VENDORED]) < LIGHT_BYTES


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_stays_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


def colours(theme: str) -> dict[str, str]:
    block = re.search(theme + r" \{(.*?)\}", (PAGE / "style.css").read_text(), re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--([\w-]+): (#\w{6});", block[1]))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["^:root", r':root\[data-theme="dark"\]'], ids=["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_aa_asks_for(theme: str) -> None:
    held = colours(theme)
    texts = ["text", "muted", "accent", "consuming", "producing", "good", "warn", "bad", "stale"]
    pairs = [(text, ground) for text in texts for ground in ("surface", "raised", "selected")]
    pairs += [("text", "ground"), ("muted", "ground"), ("on-accent", "accent"), ("on-banner", "banner")]

    assert [(*pair, ratio) for pair in pairs if (ratio := contrast(held[pair[0]], held[pair[1]])) < 4.5] == []


@pytest.mark.parametrize("theme", ["^:root", r':root\[data-theme="dark"\]'], ids=["light", "dark"])
def test_every_kind_stands_out_from_the_ground_as_wcag_aa_asks_of_graphics(theme: str) -> None:
    held = colours(theme)

    assert [kind for kind in [*KNOWN_KINDS, "other"] if contrast(held[kind], held["surface"]) < 3] == []


def test_the_system_s_dark_theme_is_the_chosen_one() -> None:
    assert colours(r':root\[data-theme="dark"\]') == colours(r':root:not\(\[data-theme="light"\]\)')


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js 20 or later")
def test_the_pure_parts_of_the_page_are_right(tmp_path: Path) -> None:
    for path in [*SCRIPTS, *(ROOT / "tests/page").glob("*.test.js")]:
        shutil.copy(path, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    command = ["node", "--test", "--test-reporter=spec"]
    zone = {**os.environ, "TZ": "Europe/Berlin"}

    run = subprocess.run(command, cwd=tmp_path, env=zone, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert re.search(r"ℹ pass [1-9]\d", run.stdout), run.stdout[-600:]
