"""The batch size on the Train page: it fits the images by itself, and only what somebody typed is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from app_page import opened as open_page
from PIL import Image
from streamlit.testing.v1 import AppTest


def batch(app: AppTest) -> int | None:
    found: int | None = app.number_input(key="set_batch_size").value
    return found


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Twelve images, one of them held out."""
    folder = tmp_path / "small"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.full((32, 32, 3), 20 * number, np.uint8)).save(folder / f"{number}.png")
    return folder


def choose(app: AppTest, folder: Path) -> None:
    app.selectbox(key="set_dataset").select("own").run()
    app.text_input(key="set_folder").input(str(folder)).run()


def test_a_small_folder_chosen_after_another_set_can_be_trained_at_once(small: Path) -> None:
    app = open_page("train")
    assert batch(app) == 128
    choose(app, small)
    assert (batch(app), list(app.error)) == (11, [])
    assert not app.button(key="start_training").disabled
    app.selectbox(key="set_dataset").select("digits").run()
    assert batch(app) == 128


def test_the_first_n_images_are_all_there_are() -> None:
    app = open_page("train", set_dataset="Digits 8×8")
    app.number_input(key="set_limit").set_value(60).run()
    assert (batch(app), list(app.error)) == (60, [])
    app.number_input(key="set_limit").set_value(None).run()
    assert batch(app) == 128


def test_what_somebody_typed_stays_and_is_refused_where_it_is_too_large(small: Path) -> None:
    app = open_page("train")
    app.number_input(key="set_batch_size").set_value(64).run()
    choose(app, small)
    assert batch(app) == 64
    assert "64" in app.error[0].value
    assert app.button(key="start_training").disabled
    app.selectbox(key="set_dataset").select("digits").run()
    assert (batch(app), list(app.error)) == (64, [])


def test_a_batch_of_a_link_was_typed_too(small: Path) -> None:
    app = open_page("train", set_batch_size="16")
    choose(app, small)
    assert batch(app) == 16
    assert app.button(key="start_training").disabled
