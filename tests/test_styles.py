"""Style sheets: they stand in .css files beside their pages, and what they ask for is declared."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

import pytest

from vaelab.images.palette import css_variables, css_variables_of_both
from vaelab.ui import styles
from vaelab.ui.components.board.board_view import Mode
from vaelab.ui.pages import PAGES

SHEETS = sorted(styles.FOLDER.rglob("*.css"))
SIGN_IN = styles.FOLDER / "access" / "sign_in.css"  # of a document of its own
OWN = [path for path in SHEETS if "components" not in path.parts and path != SIGN_IN]  # those that the shell puts in
# What a page's Python or a widget's JavaScript sets on its own element; Streamlit's own begin with --st-.
SET_ELSEWHERE = {"--take", "--clear", "--choose", "--most", "--here", "--aside", "--focus"}


def _rules(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_no_module_carries_a_sheet() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in styles.FOLDER.rglob("*.py")}
    carriers = {path.relative_to(styles.FOLDER).as_posix() for path, text in sources.items() if "<style" in text}
    assert carriers == {
        "styles.py",
        "learn/reparam_path.py",
    }  # the latter draws an SVG, which the page's sheets do not reach
    assert not [path for path, text in sources.items() if re.search(r"@media|@container|zoom: *[0-9]", text)]


def test_a_page_has_the_shells_sheet_and_its_own() -> None:
    ui = styles.FOLDER
    assert styles.sheets_of("decode") == [ui / "shell.css"]
    assert styles.sheets_of("train") == [ui / "shell.css", ui / "train" / "train.css"]
    assert styles.sheets_of("learn_elbo") == [ui / "shell.css", ui / "learn" / "learn.css", ui / "learn" / "elbo.css"]


def test_every_sheet_belongs_to_a_page() -> None:
    assert {path for entry in PAGES for path in styles.sheets_of(entry.name)} == set(OWN)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_a_sheet_uses_only_variables_that_are_declared(path: Path) -> None:
    declared = set(re.findall(r"(--[\w-]+):", _rules(styles.SHELL) + css_variables("light"))) | SET_ELSEWHERE
    used = set(re.findall(r"var\((--[\w-]+)", _rules(path)))
    assert used <= declared, used - declared


def test_what_stands_in_python_uses_declared_variables() -> None:
    declared = set(re.findall(r"(--vl-[\w-]+):", _rules(styles.SHELL)))
    widgets = [path for path in styles.FOLDER.rglob("*") if path.suffix in (".py", ".js") or path in SHEETS]
    rooms = {
        name
        for path in widgets
        for name in re.findall(r"--vl-room-\w+|--vl-views|--vl-whole", path.read_text(encoding="utf-8"))
    }
    assert rooms
    rooms |= {f"--vl-room-{mode}" for mode in get_args(Mode)}
    assert rooms <= declared, rooms - declared


def test_a_screen_is_told_apart_in_the_shells_sheet() -> None:
    """A page's own sheet asks for a width only where its parts are arranged anew, never for a size alone."""
    asking = {path.stem: re.findall(r"@media \((.*?)\) \{", _rules(path)) for path in OWN if path != styles.SHELL}
    assert {name: queries for name, queries in asking.items() if queries} == {
        "autoencoder": [
            "max-width: 640px",
            "min-width: 1900px",
            "max-width: 640px",
            "min-width: 641px",
            "min-width: 1000px",
        ],
        "compare": ["max-width: 640px"],
        "learn": ["min-width: 1000px", "max-width: 640px"],
        "start": ["min-width: 1700px) and (min-height: 900px", "max-height: 740px"],
        "train": ["min-width: 1700px) and (min-height: 900px", "max-width: 640px"],
    }


def test_the_style_of_a_page_is_one_element_without_comments() -> None:
    style = styles.style_of("train")
    assert style.startswith("<style>:root{")
    assert style.count("<") == 2, "Streamlit keeps an element of styles alone out of the page's flow"
    assert css_variables_of_both() in style
    assert "/*" not in style
    assert "\n" not in style
    assert ".st-key-live_curves { zoom: calc(1 + 0.5 * var(--vl-high)); }" in style


def test_an_edited_sheet_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = tmp_path / "shell.css"
    sheet.write_text("a { color: red; }")
    monkeypatch.setattr(styles, "FOLDER", tmp_path)
    monkeypatch.setattr(styles, "SHELL", sheet)
    assert "red" in styles.style_of("start")
    stamp = sheet.stat().st_mtime_ns
    sheet.write_text("a { color: blue; }")
    os.utime(sheet, ns=(stamp + 1_000_000, stamp + 1_000_000))
    assert "blue" in styles.style_of("start")


def test_a_rule_for_a_key_that_is_made_at_run_time() -> None:
    assert styles.rule("board_view", min_height="2rem") == "<style>.st-key-board_view{min-height:2rem;}</style>"
