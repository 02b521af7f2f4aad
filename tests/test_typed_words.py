"""What a person typed is shown as text: no link, no picture of elsewhere, no emphasis, no icon."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from app_page import opened
from PIL import Image

from vaelab import data
from vaelab.ui.names import escaped

TYPED = (
    "![x](http://elsewhere/x.png)",
    "[click](http://elsewhere)",
    "**loud** and _slanted_ and ~~gone~~",
    "<http://elsewhere>",
    "a `b` c",
    "one ` alone *x*",
    ":material/bomb: :red[hot] $x^2$",
    "C:\\temp\\*",
    "plain-name_of a.run+1: 12:30",
)


@pytest.mark.parametrize("typed", TYPED)
def test_markdown_reads_nothing_in_it(typed: str) -> None:
    outside = "".join(part for k, part in enumerate(escaped(typed).split("`")) if k % 2 == 0)
    bare = re.sub(r"\\[\\*\[<$~_:]", "", outside)  # what is escaped is a letter like any other
    assert not re.search(r"[*\[<$]|~~|(?<!\w)_|_(?!\w)|:[\w+/-]+[:\[]", bare), bare
    assert re.sub(r"\\([\\*\[<$~_:])", r"\1", outside) == (
        typed.replace("`", "'") if typed.count("`") % 2 else "".join(typed.split("`")[::2])
    )


@pytest.mark.parametrize("typed", [":material/bomb:", ":red[hot]", "$x^2$"])
def test_what_streamlit_adds_to_markdown_is_broken_up(typed: str) -> None:
    assert escaped(typed).startswith("\\")


def test_ordinary_sentences_stay_as_they_are() -> None:
    for words in ("optim.batch_size must be at most 5, got 6 (take 5)", "run `vaelab runs` at 12:30", "a-b_c.d+e"):
        assert escaped(words) == words


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    return tmp_path


@pytest.mark.parametrize("page", ["train", "decode", "latent", "image"])
def test_a_link_cannot_bring_a_picture_of_elsewhere(home: Path, page: str) -> None:
    app = opened(page, run="![x](http://elsewhere/x.png)")
    said = [element.value for kind in (app.warning, app.error, app.info) for element in kind]
    told = [words for words in said if "elsewhere" in words]
    assert told
    assert all("!\\[x]" in words for words in told)


def test_a_folder_called_like_markdown_is_shown_as_it_is(home: Path) -> None:
    folder = home / "**mine** ![x](y)"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(np.full((20, 20), 60 * k, np.uint8)).save(folder / f"{k}.png")
    app = opened("train")
    app.selectbox(key="set_dataset").set_value("own").run()
    app.text_input[0].set_value(str(folder)).run()
    shown = [element.value for element in app.markdown if "mine" in str(element.value)]
    assert shown
    assert all("\\*\\*mine" in words or "`" in words for words in shown)


def test_a_pipe_in_a_folder_of_images_holds_nothing_up(home: Path) -> None:
    folder = home / "images"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(np.full((20, 20), 60 * k, np.uint8)).save(folder / f"{k}.png")
    os.mkfifo(folder / ".names.json")
    os.mkfifo(folder / "pipe.png")
    (folder / "empty.png").touch()  # as the kernel's own files say that they are
    assert data.count(f"folder:{folder}") == (2, 1)
