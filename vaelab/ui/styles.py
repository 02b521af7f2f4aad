"""Style sheets: shell.css for all pages, and a page's own beside its Python (train/train.css, learn/elbo.css).

The shell puts both in once a run, so that no tick and no fragment sends them again. Only what is known at run time alone, such as a key,
is written as a style in Python, by `rule`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from vaelab.images.palette import css_variables_of_both

FOLDER = Path(__file__).resolve().parent
SHELL = FOLDER / "shell.css"


def sheets_of(page: str) -> list[Path]:
    """The sheets of a page, the shell's first. page: a name of pages.py; learn_elbo has learn/learn.css and learn/elbo.css."""
    group, _, own = page.partition("_")
    found = [SHELL, FOLDER / group / f"{group}.css", FOLDER / group / f"{own}.css"]
    return [path for path in found if path.is_file()]


def style_of(page: str) -> str:
    """The style element of a page: our colours as --vl-ROLE, in the theme that the browser shows, and its sheets."""
    rules = "".join(_rules(path, path.stat().st_mtime_ns) for path in sheets_of(page))
    return f"<style>:root{{{css_variables_of_both()}}}{rules}</style>"


def rule(key: str, **declarations: str) -> str:
    """A style element for the element of a key that is made at run time; min_height="2rem" stands for min-height."""
    body = "".join(f"{name.replace('_', '-')}:{value};" for name, value in declarations.items())
    return f"<style>.st-key-{key}{{{body}}}</style>"


@lru_cache(maxsize=64)
def _rules(path: Path, stamp: int) -> str:
    """A sheet without comments and indentation, which a browser need not get at every rerun. stamp: its time, so that an edit is seen."""
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)).strip()
