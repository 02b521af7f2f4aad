"""Names of controls as a screen reader speaks them: words, not the Markdown that colours them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from app_page import opened

from vaelab.ui.pages import PAGES

KINDS = (
    "slider",
    "select_slider",
    "selectbox",
    "multiselect",
    "toggle",
    "checkbox",
    "number_input",
    "text_input",
    "radio",
)
MARKUP = re.compile(r":\w+\[|\*\*|`|\$")


@pytest.mark.parametrize("page", [entry.name for entry in PAGES if entry.exists])
def test_no_control_is_called_by_its_markup(page: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = opened(page)
    labels = [widget.label for kind in KINDS for widget in app.get(kind)]
    assert not [label for label in labels if MARKUP.search(label)]
    assert all(labels)
