"""Known factors on the page Latent space: there where they are known, with scores when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from app_page import opened

from vaelab.analysis import factors
from vaelab.runs import store
from vaelab.ui.charts import factors as charts
from vaelab.ui.text import strings

WORDS = strings("en", "latent")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def test_scores_come_when_asked_for() -> None:
    app = opened("latent", run="shapes-conv-vae")
    assert WORDS["factors_title"] in [heading.value for heading in app.subheader]
    assert not app.metric
    app.button(key="latent_factors_measure").click().run()
    assert not app.exception
    assert not app.error
    found = factors.scores(store.find("shapes-conv-vae"), "test", 2_000)
    assert [metric.value for metric in app.metric] == [f"{value:.2f}" for value in vars(found).values()]


def test_where_no_factors_are_known_there_is_no_section() -> None:
    app = opened("latent", run="mnist-conv-vae")
    assert WORDS["factors_title"] not in [heading.value for heading in app.subheader]
    assert not app.error


def test_rows_of_the_matrix() -> None:
    import numpy as np

    rows = charts.matrix_rows(np.array([[0.1, 0.2], [0.3, 0.4]]), [1, 0], ["a", "b"])
    assert rows[["dim", "factor", "share"]].values.tolist() == [
        ["z1", "a", 0.3],
        ["z1", "b", 0.4],
        ["z0", "a", 0.1],
        ["z0", "b", 0.2],
    ]


@pytest.mark.browser
def test_a_cell_shows_the_walk_of_its_dimension(new_page: Any, digits_app: str) -> None:
    page = new_page()
    page.goto(f"{digits_app}/latent?run=shapes-conv-vae")
    cells = page.locator(".st-key-latent_factors g.mark-rect path")
    cells.nth(11).wait_for(state="attached")
    walk = page.get_by_text("Along z").last
    walk.wait_for()
    dims = page.locator(".st-key-latent_factors g.role-axis-label text").filter(has_text="z")
    first, second = dims.nth(0).text_content(), dims.nth(1).text_content()
    place, other = (
        (6, second) if walk.inner_text().endswith(str(first)) else (0, first)
    )  # six factors: six cells a dimension
    cells.nth(place).click()
    page.get_by_text(f"Along {other}", exact=True).wait_for()
